// The weight of an exchange, from its staleness. AD-PSGD (1710.06952) averages with w = 1/2; a
// difference that is old when it is applied moves the pair past each other, which damping mends.
#pragma once

#include <cstdint>
#include <optional>

#include "gossip/config.hpp"

namespace murmur::gossip {

/// `staleness`: steps the initiator expects between making the offer and absorbing the transfer;
/// `lag`: |step_A - step_B|. Nothing: the offer is too stale to serve.
inline std::optional<float> weight_for(const StalenessPolicy& policy, std::uint64_t staleness,
                                       std::uint64_t lag) {
  switch (policy.kind) {
    case StalenessPolicy::Kind::kConstant:
      return 0.5F;
    case StalenessPolicy::Kind::kDamped:
      return static_cast<float>(0.5 / (1.0 + static_cast<double>(staleness) / policy.half));
    case StalenessPolicy::Kind::kBounded:
      if (staleness > policy.bound || lag > policy.bound) return std::nullopt;
      return 0.5F;
  }
  return std::nullopt;
}

}  // namespace murmur::gossip
