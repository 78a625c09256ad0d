#include "gossip/agreement.hpp"

#include <algorithm>
#include <limits>

namespace murmur::gossip {

Agreement::Agreement(std::size_t shards, std::size_t distinct_max, double bound)
    : distinct_max_(distinct_max), bound_(bound), shard_ratios_(shards) {
  forget();
}

double Agreement::measured(core::PeerId peer, core::ShardId shard, const core::MixStats& mix) {
  // The norm of what is all zeros here is the distance there.
  const double norm = mix.norm > 0 ? mix.norm : mix.distance;
  const double ratio = norm > 0 ? mix.distance / norm : 0;
  shard_ratios_[shard] = ratio;
  ++count_;
  if (ratio >= bound_) recent_.clear();
  forget(peer);
  recent_.insert(recent_.begin(), {peer, ratio});
  if (recent_.size() > distinct_max_) recent_.pop_back();
  return ratio;
}

void Agreement::forget() {
  recent_.clear();
  count_ = 0;
  std::fill(shard_ratios_.begin(), shard_ratios_.end(), std::numeric_limits<double>::infinity());
}

void Agreement::forget(core::PeerId peer) {
  std::erase_if(recent_, [peer](const Ratio& r) { return r.peer == peer; });
}

bool Agreement::recent_near() const {
  return std::all_of(recent_.begin(), recent_.end(),
                     [this](const Ratio& r) { return r.ratio < bound_; });
}

bool Agreement::shards_near() const {
  return std::all_of(shard_ratios_.begin(), shard_ratios_.end(),
                     [this](double ratio) { return ratio < bound_; });
}

}  // namespace murmur::gossip
