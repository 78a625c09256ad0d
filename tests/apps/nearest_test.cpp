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

TEST_CASE("the nearest name wins, the first of equals") {
  CHECK(nearest("sed", {"steps", "seed", "set"}) == "seed");
  CHECK(nearest("x", {"ab", "cd"}) == "ab");
  CHECK(nearest("x", {}).empty());
}

}  // namespace
}  // namespace murmur::apps
