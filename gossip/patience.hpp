// Patience: how long something sent waits for its answer, learned from how long answers take, as
// TCP learns its retransmission time-out (RFC 6298): the smoothed time and twice its deviation,
// growing while nothing answers in time. (By half: doubling, at a loss of a third of the answers,
// waits 3.6 times too long in the mean, this 2.2 times.) An offer given up too early, or a transfer
// sent again while the first is still under way, is a load for a slow link that makes it slower
// still.
#pragma once

#include <algorithm>
#include <cmath>

#include "core/time.hpp"

namespace murmur::gossip {

class Patience {
 public:
  /// Waits for `least` at least.
  explicit Patience(core::Duration least) : least_(static_cast<double>(least.count())) {}
  /// An answer came so long after the question was first sent, and it answers that (Karn's rule).
  void answered(core::Duration after) {
    const auto sample = static_cast<double>(after.count());
    if (!known_) {
      smoothed_ = sample;
      deviation_ = sample / 2;
      known_ = true;
    } else {
      deviation_ += (std::abs(sample - smoothed_) - deviation_) / 4;
      smoothed_ += (sample - smoothed_) / 8;
    }
    grown_ = 1;
  }
  /// How long an answer takes; zero while nothing is known.
  [[nodiscard]] core::Duration usual() const {
    return core::Duration(static_cast<core::Duration::rep>(smoothed_));
  }
  void timed_out() { grown_ = std::min(1.5 * grown_, 64.0); }

  [[nodiscard]] core::Duration wait(core::Duration max) const {
    const double once = known_ ? std::max(smoothed_ + 2 * deviation_, least_) : kFirst;
    const auto wait = static_cast<core::Duration::rep>(std::min(once * grown_, 1e18));
    return std::min(core::Duration(wait), max);
  }

 private:
  static constexpr double kFirst = 500e6;  // ns: while nothing is known
  double least_;                           // ns
  bool known_ = false;
  double smoothed_ = 0;
  double deviation_ = 0;
  double grown_ = 1;
};

}  // namespace murmur::gossip
