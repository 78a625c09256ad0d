#include "gossip/lineages.hpp"

#include <algorithm>
#include <bitset>

namespace murmur::gossip {

void Lineages::enter(core::Lineage lineage, std::uint64_t step) {
  own_ = lineage;
  step_ = step;
  conclude();
}

void Lineages::conclude() {
  const core::Lineage last = own_ == 0 ? 0 : heir(own_);
  sought_ = last == own_ ? 0 : last;
}

void Lineages::heard(core::Lineage lineage, std::uint64_t step) {
  if (is_own(lineage)) step_ = std::max(step_, step);
}

bool Lineages::add(Verdict verdict) {
  const auto at = std::lower_bound(verdicts_.begin(), verdicts_.end(), verdict);
  if (at != verdicts_.end() && *at == verdict) return false;
  if (verdicts_.size() >= kVerdictsMax) return false;
  verdicts_.insert(at, verdict);
  return true;
}

bool Lineages::met(core::Lineage other, std::uint64_t step) {
  if (own_ == 0 || other == 0 || other == own_) return false;
  const bool judged = std::any_of(verdicts_.begin(), verdicts_.end(), [&](const Verdict& v) {
    return (v.loser == own_ && v.winner == other) || (v.loser == other && v.winner == own_);
  });
  if (judged) return false;
  bool own_yields = own_ > other;
  if (step_ < step / 2) own_yields = true;
  if (step < step_ / 2) own_yields = false;
  const bool any = add(own_yields ? Verdict{own_, other} : Verdict{other, own_});
  conclude();
  return any;
}

bool Lineages::learn(const std::vector<Verdict>& verdicts) {
  bool any = false;
  for (const Verdict& verdict : verdicts) any |= add(verdict);
  if (any) conclude();
  return any;
}

void Lineages::restore(core::Lineage own, std::uint64_t step,
                       const std::vector<Verdict>& verdicts) {
  enter(own, step);
  learn(verdicts);
}

core::Lineage Lineages::heir(core::Lineage lineage) const {
  constexpr std::size_t kLineagesMax = 2 * kVerdictsMax + 1;
  std::vector<core::Lineage> all{lineage};
  for (const Verdict& verdict : verdicts_) all.insert(all.end(), {verdict.loser, verdict.winner});
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  const auto index = [&all](core::Lineage one) {
    return static_cast<std::size_t>(std::lower_bound(all.begin(), all.end(), one) - all.begin());
  };
  // Warshall's closure: whom each reaches by yielding, itself among them. Whoever is trusted may
  // send as many verdicts as are kept, so this is not to take long.
  std::vector<std::bitset<kLineagesMax>> reached(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) reached[i].set(i);
  for (const Verdict& verdict : verdicts_) reached[index(verdict.loser)].set(index(verdict.winner));
  for (std::size_t via = 0; via < all.size(); ++via) {
    for (auto& one : reached) {
      if (one[via]) one |= reached[via];
    }
  }
  // It has no heir outside of those that come back to it.
  const auto is_last = [&](std::size_t one) {
    for (std::size_t next = 0; next < all.size(); ++next) {
      if (reached[one][next] && !reached[next][one]) return false;
    }
    return true;
  };
  const std::size_t from = index(lineage);
  std::size_t last = 0;  // there is one: every walk ends among some that come back to each other
  while (!reached[from][last] || !is_last(last)) ++last;
  return all[last];
}

}  // namespace murmur::gossip
