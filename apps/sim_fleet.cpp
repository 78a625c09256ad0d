#include "apps/sim_fleet.hpp"

#include <fmt/format.h>

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
  fleet.task_.train.reset();  // the parts share its features, and have labels of their own
  fleet.parameters_ = core::make_schema(fleet.task_.model).parameters();
  for (std::size_t i = 0; i < options.peers; ++i) {
    const auto checked = gpu::check_replica(fleet.spec(i));
    if (checked) continue;
    const std::string whose = i == 0 ? "" : fmt::format("peer {}: ", i);  // 0: all, mostly
    return core::fail(whose + checked.error().message);
  }
  return fleet;
}

const Training& SimFleet::training(std::size_t peer) const {
  const auto own = options_.own.find(peer);
  return own == options_.own.end() ? options_.training : own->second;
}

std::size_t SimFleet::rows(std::size_t peer) const { return parts_[peer] ? parts_[peer]->rows : 1; }

gossip::Config SimFleet::gossip(const Training& training, std::size_t rows) const {
  gossip::Config config = gossip_config(training, rows);
  config.save_every = kSaveEvery;
  return config;
}

sim::SimConfig SimFleet::config() const {
  sim::SimConfig config;
  config.peers = options_.peers;
  config.seed = options_.training.seed;
  config.gossip = gossip(options_.training, rows(0));
  for (std::size_t i = 0; i < options_.peers; ++i) {
    if (rows(i) == rows(0) && !options_.own.contains(i)) continue;
    config.own[i] = gossip(training(i), rows(i));
  }
  config.step_time = options_.step_time;
  config.faults = options_.faults;
  const bool few = parameters_ <= kParametersCheckedMax &&
                   parameters_ * options_.peers <= kAllParametersCheckedMax;
  config.checks = few ? sim::Checks::kAll : sim::Checks::kProtocol;
  return config;
}

gpu::ReplicaSpec SimFleet::spec(std::size_t peer) const {
  gpu::ReplicaSpec spec = replica_spec(task_, training(peer), parts_[peer], peer, /*threads=*/1);
  spec.workspace = workspace_;
  return spec;
}

sim::ReplicaFactory SimFleet::replicas() const {
  return [this](std::size_t peer, std::size_t) {
    auto made = gpu::make_replica(spec(peer));
    return made ? std::move(*made) : nullptr;
  };
}

}  // namespace murmur::apps
