#include "sim/distribution.hpp"

#include <fmt/format.h>

#include <cmath>

#include "core/duration.hpp"

namespace murmur::sim {

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

core::Result<Distribution> parse_distribution(std::string_view text) {
  constexpr std::string_view kExp = "exp:";
  constexpr std::string_view kUniform = "uniform:";
  if (text.starts_with(kExp)) {
    return core::parse_duration(text.substr(kExp.size())).map(Distribution::exponential);
  }
  if (text.starts_with(kUniform)) {
    const std::string_view range = text.substr(kUniform.size());
    const std::size_t colon = range.find(':');
    if (colon == std::string_view::npos) {
      return core::fail(fmt::format("'{}' needs two durations, as uniform:10ms:90ms", text));
    }
    const auto low = core::parse_duration(range.substr(0, colon));
    const auto high = core::parse_duration(range.substr(colon + 1));
    if (!low) return tl::make_unexpected(low.error());
    if (!high) return tl::make_unexpected(high.error());
    if (*low > *high)
      return core::fail(fmt::format("'{}': the first duration is the longer", text));
    return Distribution::uniform(*low, *high);
  }
  return core::parse_duration(text).map(Distribution::constant);
}

std::string to_string(const Distribution& distribution) {
  switch (distribution.kind) {
    case Distribution::Kind::kConstant:
      return core::to_string(distribution.low);
    case Distribution::Kind::kExponential:
      return "exp:" + core::to_string(distribution.low);
    case Distribution::Kind::kUniform:
      return fmt::format("uniform:{}:{}", core::to_string(distribution.low),
                         core::to_string(distribution.high));
  }
  return "?";
}

}  // namespace murmur::sim
