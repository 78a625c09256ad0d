// The fleet that the flags of `murmur sim` describe: what its peers are made from, made once and
// shared by all their incarnations. Thread rule: one thread.
#pragma once

#include <memory>
#include <vector>

#include "apps/sim.hpp"
#include "core/replica.hpp"
#include "sim/fleet.hpp"

namespace murmur::apps {

class SimFleet {
 public:
  /// `options` outlives the fleet. Error: data that cannot be had or do not fit, or a peer whose
  /// replica cannot be made.
  static core::Result<SimFleet> make(const SimOptions& options);

  /// All but what is wanted to be told while it runs.
  [[nodiscard]] sim::SimConfig config() const;
  [[nodiscard]] sim::ReplicaFactory replicas() const;

 private:
  SimFleet(const SimOptions& options, Task task);
  [[nodiscard]] const Training& training(std::size_t peer) const;
  [[nodiscard]] gpu::ReplicaSpec spec(std::size_t peer) const;
  /// Of a peer's own part; 1 where there are no data.
  [[nodiscard]] std::size_t rows(std::size_t peer) const;
  [[nodiscard]] gossip::Config gossip(const Training& training, std::size_t rows) const;

  const SimOptions& options_;
  Task task_;
  std::vector<std::shared_ptr<const core::Samples>> parts_;
  std::size_t parameters_ = 0;
  std::shared_ptr<gpu::host::Workspace> workspace_;  ///< the replicas take turns
};

}  // namespace murmur::apps
