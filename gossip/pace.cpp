#include "gossip/pace.hpp"

#include <cmath>

namespace murmur::gossip {
namespace {

constexpr std::uint32_t kEveryAtFirst = 16;
constexpr double kEveryMax = 4096;

}  // namespace

core::Duration settle_gap(core::Duration answer, std::uint64_t exchanges, double random) {
  constexpr double kExchanges = 64;
  constexpr double kGapMax = 20e6;  // ns
  const auto once = static_cast<double>(answer.count());
  const double gap = once * (1 + static_cast<double>(exchanges) / kExchanges);
  return core::Duration(
      static_cast<core::Duration::rep>(std::min(gap, std::max(once, kGapMax)) * (1 + 4 * random)));
}

std::uint32_t Pace::exchange_every(const Config& config) const {
  if (config.exchange_every > 0) return config.exchange_every;
  if (!step.known() || !offer.known() || !(respond.known() || absorb.known())) return kEveryAtFirst;
  const double mixing = offer.value() + std::max(respond.value(), absorb.value()) * 2;
  const double every = mixing / (config.mixing_share_max * std::max(step.value(), 1.0));
  return static_cast<std::uint32_t>(std::clamp(std::ceil(every), 1.0, kEveryMax));
}

}  // namespace murmur::gossip
