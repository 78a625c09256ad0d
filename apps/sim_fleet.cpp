#include "apps/sim_fleet.hpp"

#include "gpu/host/network_replica.hpp"

namespace murmur::apps {
namespace {

/// Above these a fleet's parameters are not compared element by element after each event: that
/// takes time by a replica's, and the checker keeps several times all of them.
constexpr std::size_t kParametersCheckedMax = 100'000;
constexpr std::size_t kAllParametersCheckedMax = 2'000'000;
constexpr core::Duration kSaveEvery = std::chrono::seconds(2);

}  // namespace

SimFleet::SimFleet(const SimOptions& options, Task task)
    : options_(options), task_(std::move(task)), workspace_(gpu::host::make_workspace()) {}

core::Result<SimFleet> SimFleet::make(const SimOptions& options) {
  auto task = load_task(options.training);
  if (!task) return tl::make_unexpected(task.error());
  SimFleet fleet(options, std::move(*task));
  for (std::size_t i = 0; i < options.peers; ++i) {
    auto part = part_of(fleet.task_, options.training, i, options.peers);
    if (!part) return tl::make_unexpected(part.error());
    fleet.parts_.push_back(std::move(*part));
  }
  const auto first = fleet.replica(0);
  if (!first) return tl::make_unexpected(first.error());
  fleet.parameters_ = (*first)->schema().parameters();
  for (const auto& [peer, own] : options.own) {
    if (auto made = fleet.replica(peer); !made) return tl::make_unexpected(made.error());
  }
  return fleet;
}

const Training& SimFleet::training(std::size_t peer) const {
  const auto own = options_.own.find(peer);
  return own == options_.own.end() ? options_.training : own->second;
}

gossip::Config SimFleet::gossip(const Training& training) const {
  const std::size_t rows = task_.train ? task_.train->rows / options_.peers : 1;
  gossip::Config config = gossip_config(training, rows);
  config.save_every = kSaveEvery;
  return config;
}

sim::SimConfig SimFleet::config() const {
  sim::SimConfig config;
  config.peers = options_.peers;
  config.seed = options_.training.seed;
  config.gossip = gossip(options_.training);
  for (const auto& [peer, own] : options_.own) config.own[peer] = gossip(own);
  config.step_time = options_.step_time;
  config.faults = options_.faults;
  const bool few = parameters_ <= kParametersCheckedMax &&
                   parameters_ * options_.peers <= kAllParametersCheckedMax;
  config.checks = few ? sim::Checks::kAll : sim::Checks::kProtocol;
  return config;
}

core::Result<std::unique_ptr<core::Replica>> SimFleet::replica(std::size_t peer) const {
  gpu::ReplicaSpec spec = replica_spec(task_, training(peer), parts_[peer], peer, /*threads=*/1);
  spec.workspace = workspace_;
  return gpu::make_replica(spec);
}

sim::ReplicaFactory SimFleet::replicas() const {
  return [this](std::size_t peer, std::size_t) {
    auto made = replica(peer);
    return made ? std::move(*made) : nullptr;
  };
}

}  // namespace murmur::apps
