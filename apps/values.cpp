#include "apps/values.hpp"

#include <utility>

namespace murmur::apps {

core::Result<double> parse_probability(std::string_view text) {
  const bool percent = text.ends_with('%');
  double value = 0;
  if (read_number(percent ? text.substr(0, text.size() - 1) : text, value)) {
    if (percent) value /= 100;
    if (value >= 0 && value < 1) return value;
  }
  return core::fail(fmt::format("'{}' is not a share from 0, below 1 or 100%", text));
}

core::Result<double> parse_bandwidth(std::string_view text) {
  constexpr double kBytesMax = 1e15;
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}};
  for (const auto& [unit, factor] : kUnits) {
    if (!text.ends_with(unit)) continue;
    double value = 0;
    if (!read_number(text.substr(0, text.size() - unit.size()), value)) break;
    value *= factor;
    if (value != 0 && (value < 1 || value > kBytesMax)) break;
    return value;
  }
  return core::fail(fmt::format(
      "'{}' is not bytes a second: 0, or from 1 to 1e15, and optionally kB, MB or GB", text));
}

}  // namespace murmur::apps
