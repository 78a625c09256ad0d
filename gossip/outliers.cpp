#include "gossip/outliers.hpp"

#include <fmt/format.h>

namespace murmur::gossip {

std::optional<std::string> Outliers::measured(core::Instant now, core::PeerId peer,
                                              const core::MixStats& mix, std::uint64_t step) {
  if (!mix.theirs || step < kGrown) return std::nullopt;
  const double theirs = *mix.theirs;
  const bool is_larger = theirs > kTimes * mix.norm;
  if (!is_larger && !(mix.norm > kTimes * theirs)) return std::nullopt;
  std::erase_if(said_, [now](const auto& entry) { return now - entry.second >= kEvery; });
  if (!said_.emplace(peer, now).second) return std::nullopt;
  constexpr const char* kAllTheSame = "they are mixed all the same";
  // Of a much smaller one, no more is known: its size is what the difference leaves of the own.
  return is_larger ? fmt::format("its replica is {:.3g} times as large as this one; {}",
                                 theirs / mix.norm, kAllTheSame)
                   : fmt::format("this replica is over {} times as large as its own; {}", kTimes,
                                 kAllTheSame);
}

}  // namespace murmur::gossip
