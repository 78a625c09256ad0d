// TokenBucket: so many at once, and then one every so often. Thread rule: a value.
#pragma once

#include <algorithm>

#include "core/time.hpp"

namespace murmur::net {

class TokenBucket {
 public:
  /// False if there is none left.
  bool take(core::Instant now, double at_once, core::Duration every) {
    used_ = std::max(0.0, used_ - core::seconds(now - since_) / core::seconds(every));
    since_ = now;
    if (used_ + 1 > at_once) return false;
    ++used_;
    return true;
  }

 private:
  double used_ = 0;
  core::Instant since_{};
};

}  // namespace murmur::net
