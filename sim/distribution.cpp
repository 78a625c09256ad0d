#include "sim/distribution.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace murmur::sim {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr Unit kUnits[] = {
    {"min", 60'000'000'000}, {"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}};
constexpr double kNanosecondsMax = 3600e9;

}  // namespace

core::Duration Distribution::draw(core::Rng& rng) const {
  const double u = rng.uniform();
  switch (kind) {
    case Kind::kConstant:
      return low;
    case Kind::kExponential:
      return core::Duration(std::llround(-std::log(1.0 - u) * static_cast<double>(low.count())));
    case Kind::kUniform:
      return low + core::Duration(std::llround(u * static_cast<double>((high - low).count())));
  }
  return low;
}

core::Result<core::Duration> parse_duration(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc()) {
    return core::fail(
        fmt::format("'{}' is not a duration: expected a number and a unit, as 50ms", text));
  }
  for (const Unit& known : kUnits) {
    if (unit != known.name) continue;
    const double nanoseconds = number * static_cast<double>(known.nanoseconds);
    if (!(nanoseconds >= 0 && nanoseconds <= kNanosecondsMax)) {
      return core::fail(fmt::format("duration '{}' is outside 0 to 60min", text));
    }
    return core::Duration(std::llround(nanoseconds));
  }
  return core::fail(
      fmt::format("duration '{}' needs a unit: ns, us, ms, s or min, as in 50ms", text));
}

core::Result<Distribution> parse_distribution(std::string_view text) {
  constexpr std::string_view kExp = "exp:";
  constexpr std::string_view kUniform = "uniform:";
  if (text.starts_with(kExp)) {
    return parse_duration(text.substr(kExp.size())).map(Distribution::exponential);
  }
  if (text.starts_with(kUniform)) {
    const std::string_view range = text.substr(kUniform.size());
    const std::size_t colon = range.find(':');
    if (colon == std::string_view::npos) {
      return core::fail(fmt::format("'{}' needs two durations, as uniform:10ms:90ms", text));
    }
    const auto low = parse_duration(range.substr(0, colon));
    const auto high = parse_duration(range.substr(colon + 1));
    if (!low) return tl::make_unexpected(low.error());
    if (!high) return tl::make_unexpected(high.error());
    if (*low > *high)
      return core::fail(fmt::format("'{}': the first duration is the longer", text));
    return Distribution::uniform(*low, *high);
  }
  return parse_duration(text).map(Distribution::constant);
}

std::string to_string(core::Duration duration) {
  for (const Unit& unit : kUnits) {
    if (duration.count() % unit.nanoseconds == 0) {
      return fmt::format("{}{}", duration.count() / unit.nanoseconds, unit.name);
    }
  }
  return fmt::format("{}ns", duration.count());
}

std::string to_string(const Distribution& distribution) {
  switch (distribution.kind) {
    case Distribution::Kind::kConstant:
      return to_string(distribution.low);
    case Distribution::Kind::kExponential:
      return "exp:" + to_string(distribution.low);
    case Distribution::Kind::kUniform:
      return fmt::format("uniform:{}:{}", to_string(distribution.low),
                         to_string(distribution.high));
  }
  return "?";
}

}  // namespace murmur::sim
