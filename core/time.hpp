// Time as the protocol sees it: integer nanoseconds on one peer's own clock, with an arbitrary
// epoch. There is no now(): the driver (net or sim) passes the time in.
#pragma once

#include <chrono>
#include <cstdint>

namespace murmur::core {

using Duration = std::chrono::nanoseconds;

struct PeerClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<PeerClock>;
  static constexpr bool is_steady = true;  // NOLINT(readability-identifier-naming)
};

using Instant = PeerClock::time_point;

constexpr double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
constexpr Duration from_seconds(double s) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}

}  // namespace murmur::core
