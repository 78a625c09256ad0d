// Patience: how long an offer waits for its answer, learned from how long answers take, as TCP
// learns its retransmission time-out (RFC 6298): the smoothed time and twice its deviation, doubled
// while nothing answers. Giving up costs nothing but the offer: a late transfer is still applied.
#pragma once

#include <algorithm>
#include <cmath>

#include "core/time.hpp"

namespace murmur::gossip {

class Patience {
 public:
  /// An answer came `after` the offer was made.
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
    doubled_ = 1;
  }
  void timed_out() { doubled_ = std::min(doubled_ * 2, 64.0); }

  [[nodiscard]] core::Duration wait(core::Duration max) const {
    if (!known_) return max / 4;
    const double wait = std::max((smoothed_ + 2 * deviation_) * doubled_, kLeast);
    return std::min(core::Duration(static_cast<core::Duration::rep>(std::min(wait, 1e18))), max);
  }

 private:
  static constexpr double kLeast = 5e6;  // ns: a lane may be that busy
  bool known_ = false;
  double smoothed_ = 0;
  double deviation_ = 0;
  double doubled_ = 1;
};

}  // namespace murmur::gossip
