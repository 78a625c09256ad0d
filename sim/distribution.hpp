// How long something takes: a constant, or drawn anew each time. Written "50ms", "exp:50ms" (its
// mean), "uniform:10ms:90ms".
// Thread rule: values.
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/rng.hpp"
#include "core/time.hpp"

namespace murmur::sim {

/// Invariant: 0 <= low <= high; for kConstant and kExponential both are the mean.
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

  friend constexpr bool operator==(const Distribution&, const Distribution&) = default;

  /// Draws exactly one value from `rng`, whatever the kind.
  [[nodiscard]] core::Duration draw(core::Rng& rng) const;
  [[nodiscard]] core::Duration mean() const { return (low + high) / 2; }
};

/// Error: not one of the forms above; see core/duration.hpp for its parts.
core::Result<Distribution> parse_distribution(std::string_view text);
/// As parse_distribution reads it; exact.
std::string to_string(const Distribution& distribution);

}  // namespace murmur::sim
