// What an offer claims as its maker's expected staleness, held against the staleness that the
// maker's exchanges really had. Thread rule: a value.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace murmur::sim {

class Claims {
 public:
  void exchanged(std::uint64_t staleness) {
    last_[count_++ % last_.size()] = staleness;
    most_ = std::max(most_, staleness);
  }

  /// Whether `claim` may be a moving average that began at 0 and in which each exchange counts for
  /// a tenth: then all but the last so many count for `older` together.
  [[nodiscard]] bool plausible(std::uint32_t claim) const {
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(count_, last_.size()));
    if (n == 0) return claim == 0;
    const auto [least, most] = std::minmax_element(last_.begin(), last_.begin() + n);
    const double older = std::pow(1 - kShare, static_cast<double>(n));
    const auto said = static_cast<double>(claim);
    return said >= static_cast<double>(*least) * (1 - older) - 1 &&
           said <= static_cast<double>(*most) + static_cast<double>(most_) * older + 1;
  }

 private:
  static constexpr double kShare = 0.1;
  std::array<std::uint64_t, 64> last_{};
  std::uint64_t count_ = 0;
  std::uint64_t most_ = 0;
};

}  // namespace murmur::sim
