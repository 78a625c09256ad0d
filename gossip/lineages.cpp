#include "gossip/lineages.hpp"

#include <algorithm>

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
  conclude();
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
  return add(own_yields ? Verdict{own_, other} : Verdict{other, own_});
}

bool Lineages::learn(const std::vector<Verdict>& verdicts) {
  bool any = false;
  for (const Verdict& verdict : verdicts) any |= add(verdict);
  return any;
}

void Lineages::restore(core::Lineage own, std::uint64_t step,
                       const std::vector<Verdict>& verdicts) {
  enter(own, step);
  learn(verdicts);
}

std::vector<core::Lineage> Lineages::reached(core::Lineage from) const {
  std::vector<core::Lineage> all{from};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const Verdict& verdict : verdicts_) {
      const bool known = std::find(all.begin(), all.end(), verdict.winner) != all.end();
      if (verdict.loser == all[i] && !known) all.push_back(verdict.winner);
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

core::Lineage Lineages::heir(core::Lineage lineage) const {
  const std::vector<core::Lineage> all = reached(lineage);
  // It has no heir outside of those that come back to it.
  const auto last = std::find_if(all.begin(), all.end(), [&](core::Lineage one) {
    const std::vector<core::Lineage> onward = reached(one);
    return std::all_of(onward.begin(), onward.end(), [&](core::Lineage next) {
      const std::vector<core::Lineage> back = reached(next);
      return std::binary_search(back.begin(), back.end(), one);
    });
  });
  return last == all.end() ? lineage : *last;
}

}  // namespace murmur::gossip
