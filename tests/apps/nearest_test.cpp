#include "apps/nearest.hpp"

#include "tests/catch.hpp"

namespace murmur::apps {
namespace {

TEST_CASE("the distance counts insertions, deletions and substitutions") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("steps", "step") == 1);
  CHECK(edit_distance("ab", "ba") == 2);
}

TEST_CASE("the nearest name is offered, the first of equals") {
  CHECK(nearest_hint("sed", {"steps", "seed", "set"}) == "the nearest is seed");
  CHECK(nearest_hint("x", {"a", "c"}) == "the nearest is a");
}

TEST_CASE("a name that differs in more than a third of what was typed is not offered") {
  CHECK(nearest_hint("stp", {"steps"}) == "see --help");
  CHECK(nearest_hint("--drtion", {"--duration"}) == "the nearest is --duration");
  CHECK(nearest_hint("momentous", {"momentum"}) == "the nearest is momentum");
  CHECK(nearest_hint("momentarily", {"momentum"}) == "see --help");
  CHECK(nearest_hint("x", {}) == "see --help");
}

}  // namespace
}  // namespace murmur::apps
