#include "core/duration.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace murmur::core {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr Unit kUnits[] = {{"h", 3'600'000'000'000},
                           {"m", 60'000'000'000},
                           {"min", 60'000'000'000},
                           {"s", 1'000'000'000},
                           {"ms", 1'000'000},
                           {"us", 1'000},
                           {"ns", 1}};
constexpr double kNanosecondsMax = 366.0 * 24 * 3600e9;

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration(0);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc()) {
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    for (const Unit& known : kUnits) {
      if (unit != known.name) continue;
      const double nanoseconds = number * static_cast<double>(known.nanoseconds);
      if (!(nanoseconds >= 0 && nanoseconds <= kNanosecondsMax)) {
        return fail(fmt::format("duration '{}' is not in 0..366 days", text));
      }
      return Duration(std::llround(nanoseconds));
    }
  }
  return fail(
      fmt::format("'{}' is not a duration: a number and ns, us, ms, s, m or h, as 50ms", text));
}

std::string to_string(Duration duration) {
  for (const Unit& unit : kUnits) {
    if (duration.count() != 0 && duration.count() % unit.nanoseconds == 0) {
      return fmt::format("{}{}", duration.count() / unit.nanoseconds, unit.name);
    }
  }
  return "0";
}

}  // namespace murmur::core
