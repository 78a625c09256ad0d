// Pace: how many steps one Train covers and how many lie between own offers, from what the lane's
// works were measured to take; and, when nothing trains any more, how much time.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/time.hpp"
#include "gossip/config.hpp"

namespace murmur::gossip {

/// Exponential moving average; the first value counts fully.
class Smoothed {
 public:
  void add(double value) {
    value_ = known_ ? value_ + kRate * (value - value_) : value;
    known_ = true;
  }
  [[nodiscard]] bool known() const { return known_; }
  [[nodiscard]] double value() const { return value_; }

 private:
  static constexpr double kRate = 0.2;
  double value_ = 0;
  bool known_ = false;
};

/// From one own offer to the next while a peer settles: at random, so that most peers have none in
/// flight most of the time. Three that each offer to the next without a pause, what they were
/// before the last one answered, circle each other for ever. It grows with the exchanges that have
/// not led to agreement, so that one that never agrees does not keep the others at it at full
/// speed. `answer`: from an offer to its answer; `random` in [0, 1).
core::Duration settle_gap(core::Duration answer, std::uint64_t exchanges, double random);

struct Pace {
  Smoothed step;   // ns, of one step
  Smoothed offer;  // ns, of one such work each
  Smoothed respond;
  Smoothed absorb;

  /// Steps that take about `slice`; 1 while nothing is known.
  [[nodiscard]] std::uint32_t slice_steps(core::Duration slice) const {
    if (!step.known() || step.value() <= 0) return 1;
    const double steps = static_cast<double>(slice.count()) / step.value();
    return static_cast<std::uint32_t>(std::clamp(steps, 1.0, 1e6));
  }

  /// Every peer makes, absorbs and serves about one exchange per own offer, so mixing keeps under
  /// `share` of the lane when  offer + absorb + respond <= share * every * step.
  [[nodiscard]] std::uint32_t exchange_every(const Config& config) const;
};

}  // namespace murmur::gossip
