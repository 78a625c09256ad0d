// How long something takes: a constant, or drawn anew each time. Written "50ms", "exp:50ms" (its
// mean), "uniform:10ms:90ms"; units are ns, us, ms, s, min.
// Thread rule: values.
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/rng.hpp"
#include "core/time.hpp"

namespace murmur::sim {

/// Invariant: 0 <= low <= high <= one hour; for kConstant and kExponential both are the mean.
struct Distribution {
  enum class Kind { kConstant, kExponential, kUniform };
  Kind kind = Kind::kConstant;
  core::Duration low{0};
  core::Duration high{0};

  static constexpr Distribution constant(core::Duration d) { return {Kind::kConstant, d, d}; }
  static constexpr Distribution exponential(core::Duration mean) {
    return {Kind::kExponential, mean, mean};
  }
  static constexpr Distribution uniform(core::Duration low, core::Duration high) {
    return {Kind::kUniform, low, high};
  }

  /// Draws exactly one value from `rng`, whatever the kind.
  [[nodiscard]] core::Duration draw(core::Rng& rng) const;
  [[nodiscard]] core::Duration mean() const { return (low + high) / 2; }
};

/// "50ms", "1.5s", "2min". Error: no number, an unknown unit, negative, or past an hour.
core::Result<core::Duration> parse_duration(std::string_view text);
core::Result<Distribution> parse_distribution(std::string_view text);
/// As parse_duration and parse_distribution read them; exact.
std::string to_string(core::Duration duration);
std::string to_string(const Distribution& distribution);

}  // namespace murmur::sim
