// How often a thing that happens again and again is written down, so that a run of months, a flood
// of messages and a fault that repeats fill no disk. Times are seconds since the run began.
// Thread rule: one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace murmur::apps {

/// Ever more rarely: every thousandth of the run's time, within limits.
class Cadence {
 public:
  Cadence(double least, double most) : least_(least), most_(most), next_(least) {}
  /// True, and begins to wait anew, when the last time is long enough ago.
  bool due(double t) {
    if (t < next_) return false;
    next_ = t + std::clamp(t / 1000, least_, most_);
    return true;
  }

 private:
  double least_;
  double most_;
  double next_;
};

/// Lets `burst` through at once, and then one every `every` seconds.
class Allowance {
 public:
  Allowance(double burst, double every) : burst_(burst), every_(every), left_(burst) {}
  /// False: one too many, which is counted.
  bool take(double t) {
    left_ = std::min(burst_, left_ + (t - at_) / every_);
    at_ = t;
    if (left_ < 1) {
      ++left_out_;
      return false;
    }
    --left_;
    return true;
  }
  /// How many were one too many since the last call.
  std::uint64_t take_left_out() { return std::exchange(left_out_, 0); }

 private:
  double burst_;
  double every_;
  double left_;
  double at_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace murmur::apps
