// Outliers: which exchanges found a neighbour's replica of another size altogether: finite, and yet
// absurd, as that of one who trains at a learning rate far too great. The two are mixed all the
// same; a person is told on both sides, once a minute and neighbour.
// Memory: the neighbours told of within the last minute.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/ids.hpp"
#include "core/replica.hpp"
#include "core/time.hpp"

namespace murmur::gossip {

class Outliers {
 public:
  /// An exchange with `peer` found this, when the own model was `step` old. In words, what a person
  /// should know of it; nothing if it is ordinary, or was said within a minute.
  std::optional<std::string> measured(core::Instant now, core::PeerId peer,
                                      const core::MixStats& mix, std::uint64_t step);

 private:
  /// Replicas of one run differ in direction, and hardly in size: a peer at 40 times the learning
  /// rate of the others was found 40 times as large.
  static constexpr double kTimes = 10;
  /// Steps; a model that begins at zero grows as much at first.
  static constexpr std::uint64_t kGrown = 100;
  static constexpr core::Duration kEvery = std::chrono::minutes(1);

  std::map<core::PeerId, core::Instant> said_;
};

}  // namespace murmur::gossip
