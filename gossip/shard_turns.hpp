// ShardTurns: which shard is offered next. Every shard comes once a round, and each round has an
// order of its own: peers that count through the shards in one order can fall into step, so that
// one pair meets over the same shards again and again and never over the others.
#pragma once

#include <numeric>
#include <utility>
#include <vector>

#include "core/ids.hpp"
#include "core/rng.hpp"

namespace murmur::gossip {

class ShardTurns {
 public:
  explicit ShardTurns(core::ShardId shards) : order_(shards) {
    std::iota(order_.begin(), order_.end(), core::ShardId{0});
  }

  /// The next; of one shard or more. Fisher and Yates, a swap at a time.
  core::ShardId next(core::Rng& rng) {
    const std::size_t left = order_.size() - at_;
    if (left > 1) std::swap(order_[at_], order_[at_ + rng.below(left)]);
    const core::ShardId shard = order_[at_];
    at_ = (at_ + 1) % order_.size();
    return shard;
  }

 private:
  std::vector<core::ShardId> order_;  // those before `at_` have come in this round
  std::size_t at_ = 0;
};

}  // namespace murmur::gossip
