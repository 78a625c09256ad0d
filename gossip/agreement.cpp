#include "gossip/agreement.hpp"

#include <algorithm>
#include <limits>

namespace murmur::gossip {

Agreement::Agreement(std::size_t shards, std::size_t distinct_max)
    : distinct_max_(distinct_max), shard_ratios_(shards) {
  forget();
}

double Agreement::measured(core::PeerId peer, core::ShardId shard, const core::MixStats& mix) {
  const double ratio = mix.norm > 0 ? mix.distance / mix.norm : 0.0;
  shard_ratios_[shard] = ratio;
  forget(peer);
  recent_.insert(recent_.begin(), {peer, ratio});
  if (recent_.size() > distinct_max_) recent_.pop_back();
  return ratio;
}

void Agreement::forget() {
  recent_.clear();
  std::fill(shard_ratios_.begin(), shard_ratios_.end(), std::numeric_limits<double>::infinity());
}

void Agreement::forget(core::PeerId peer) {
  std::erase_if(recent_, [peer](const Ratio& r) { return r.peer == peer; });
}

bool Agreement::recent_below(double bound) const {
  return std::all_of(recent_.begin(), recent_.end(),
                     [bound](const Ratio& r) { return r.ratio < bound; });
}

bool Agreement::shards_below(double bound) const {
  return std::all_of(shard_ratios_.begin(), shard_ratios_.end(),
                     [bound](double ratio) { return ratio < bound; });
}

}  // namespace murmur::gossip
