#include "apps/values.hpp"

#include "tests/catch.hpp"

namespace murmur::apps {
namespace {

TEST_CASE("shares read as fractions and percentages") {
  CHECK(parse_probability("0.2").value() == 0.2);
  CHECK(parse_probability("20%").value() == 0.2);
  CHECK(parse_probability("0").value() == 0);
  CHECK(parse_probability("99.9%").value() == Approx(0.999));
  for (const char* text : {"", "%", "1", "100%", "1.1", "101%", "-1%", "x", "nan"}) {
    INFO(text);
    CHECK_FALSE(parse_probability(text));
  }
}

TEST_CASE("a range of numbers may leave out one of its ends") {
  const auto message = [](const auto& result) { return result.error().message; };
  CHECK(number_in(0.0, 2.0)("0").value() == 0);
  CHECK(number_above(0.0, 2.0)("2").value() == 2);
  CHECK(message(number_above(0.0, 2.0)("0")) == "'0' is not a number above 0, up to 2");
  CHECK(number_below(0.0, 2.0)("0").value() == 0);
  CHECK(message(number_below(0.0, 2.0)("2")) == "'2' is not a number from 0, below 2");
  for (const char* text : {"nan", "inf", "-1", "3", "1x", ""}) {
    INFO(text);
    CHECK_FALSE(number_in(0.0, 2.0)(text));
    CHECK_FALSE(number_above(0.0, 2.0)(text));
    CHECK_FALSE(number_below(0.0, 2.0)(text));
  }
}

TEST_CASE("bandwidths read in bytes a second and powers of a thousand") {
  CHECK(parse_bandwidth("250000").value() == 250000);
  CHECK(parse_bandwidth("10kB").value() == 1e4);
  CHECK(parse_bandwidth("1.5MB").value() == 1.5e6);
  CHECK(parse_bandwidth("2GB").value() == 2e9);
  CHECK(parse_bandwidth("7B").value() == 7);
  CHECK(parse_bandwidth("0").value() == 0);
  CHECK(parse_bandwidth("0.001kB").value() == 1);
  for (const char* text : {"", "kB", "-1", "5 MB", "10Mbit", "inf", "1e-9", "0.9", "1e300GB"}) {
    INFO(text);
    CHECK_FALSE(parse_bandwidth(text));
  }
}

TEST_CASE("numbers are whole, in range, or auto where that is allowed") {
  CHECK(number_in(1, 5)("5").value() == 5);
  CHECK(number_in(1, 5)("6").error().message == "'6' is not a number in 1..5");
  CHECK_FALSE(number_in<std::uint64_t>(0, 5)("-1"));
  CHECK_FALSE(number_in(1, 5)("1.5"));
  CHECK_FALSE(number_in(0.0, 1.0)("nan"));
  CHECK(number_or_auto(9U)("auto").value() == 0);
  CHECK(number_or_auto(9U)("9").value() == 9);
  CHECK_FALSE(number_or_auto(9U)("0"));
}

}  // namespace
}  // namespace murmur::apps
