// Agreement: how far apart the last exchanges found this replica and its neighbours', and whether
// that is near enough to stop (docs/protocol.md, "Phases").
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/ids.hpp"
#include "core/replica.hpp"

namespace murmur::gossip {

class Agreement {
 public:
  struct Ratio {
    core::PeerId peer;
    double ratio = 0;  ///< ‖d‖/‖x‖ of the last exchange with it
  };

  /// Of a replica of so many shards; of neighbours, the newest `distinct_max` are kept. A ratio of
  /// `bound` or more is no agreement.
  Agreement(std::size_t shards, std::size_t distinct_max, double bound);

  /// An exchange with `peer` found this; returns ‖d‖/‖x‖. One that moved the replica ends what was
  /// found with others before: they have not seen it where it is now.
  double measured(core::PeerId peer, core::ShardId shard, const core::MixStats& mix);
  void forget();
  /// It has left, and what was found with it can no longer be mended.
  void forget(core::PeerId peer);

  /// With distinct neighbours, newest first.
  [[nodiscard]] const std::vector<Ratio>& recent() const { return recent_; }
  /// Exchanges since all was forgotten.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] bool recent_near() const;
  /// The last exchange of every shard, whoever it was with; false until all were.
  [[nodiscard]] bool shards_near() const;

 private:
  std::size_t distinct_max_;
  double bound_;
  std::vector<Ratio> recent_;
  std::vector<double> shard_ratios_;  // infinite before any
  std::uint64_t count_ = 0;
};

}  // namespace murmur::gossip
