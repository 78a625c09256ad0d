#include "core/duration.hpp"

#include "tests/catch.hpp"

namespace murmur::core {
namespace {

TEST_CASE("durations read in every unit and print back exactly") {
  const auto [text, nanoseconds, printed] = GENERATE(table<std::string, std::int64_t, std::string>({
      {"50ms", 50'000'000, "50ms"},
      {"1.5s", 1'500'000'000, "1500ms"},
      {"2m", 120'000'000'000, "2m"},
      {"2min", 120'000'000'000, "2m"},
      {"1h", 3'600'000'000'000, "1h"},
      {"7us", 7'000, "7us"},
      {"3ns", 3, "3ns"},
      {"0", 0, "0"},
      {"0s", 0, "0"},
  }));
  const auto duration = parse_duration(text);
  REQUIRE(duration);
  CHECK(duration->count() == nanoseconds);
  CHECK(to_string(*duration) == printed);
  CHECK(parse_duration(printed).value() == *duration);
}

TEST_CASE("what is no duration is refused by name") {
  for (const char* text : {"", "s", "5", "5 s", "5x", "-1s", "1e9h", "nans", "infs"}) {
    INFO(text);
    const auto duration = parse_duration(text);
    REQUIRE_FALSE(duration);
    CHECK(duration.error().message.find("'" + std::string(text) + "'") != std::string::npos);
  }
}

}  // namespace
}  // namespace murmur::core
