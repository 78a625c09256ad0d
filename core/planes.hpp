// Planes: the arrays as long as the parameters that a replica may hold, by name. A state is a list
// of them, and an exchange says which ones it carries.
// Invariant: the numbers are the wire's (docs/protocol.md) and never change.
#pragma once

#include <cstdint>
#include <vector>

namespace murmur::core {

enum class Plane : std::uint8_t {
  kParameters = 0,
  kFirstMoment,   ///< SGD's momentum, or Adam's first moment
  kSecondMoment,  ///< Adam's
  kSecondCopy,    ///< of the parameters, of rules that mix two
  kSlow,          ///< slow weights
  kOuter,         ///< outer momentum
};
inline constexpr std::uint8_t kPlaneCount = 6;

/// What a replica's optimizer is, as far as another can take over its state.
enum class Optimizer : std::uint8_t { kSgd = 0, kAdam, kAdamW };
inline constexpr std::uint8_t kOptimizerCount = 3;

/// The shape of a replica's state: `planes` ascending, the parameters first.
struct StateKind {
  Optimizer optimizer = Optimizer::kSgd;
  std::vector<Plane> planes{Plane::kParameters};
  friend bool operator==(const StateKind&, const StateKind&) = default;
};

}  // namespace murmur::core
