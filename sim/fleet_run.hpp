// The run of a fleet. fleet.cpp has its events and effects, fleet_peers.cpp how its peers come, go
// and end. Thread rule: one thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/checker.hpp"
#include "sim/fleet.hpp"
#include "sim/network.hpp"
#include "sim/peer.hpp"
#include "sim/world.hpp"

namespace murmur::sim {

inline core::Duration scaled(core::Duration d, double factor) {
  return core::Duration(
      std::max<std::int64_t>(1, std::llround(static_cast<double>(d.count()) * factor)));
}

class Fleet {
  /// They stay as large as the largest payload that was in them, whatever is in them next: malloc
  /// hands out the memory of others as fast, and for all uses.
  static constexpr std::size_t kBuffersKept = 1;

 public:
  Fleet(const SimConfig& config, const ReplicaFactory& make_replica)
      : config_(config),
        make_replica_(make_replica),
        network_(config.faults, config.peers, config.seed),
        checker_(quiet_from(config.faults), config.checks == Checks::kAll, config.seed,
                 config.replay, config.violations_max),
        pool_(kBuffersKept),
        next_recompute_(config.recompute_every) {}

  core::Result<Outcome> run();

 private:
  core::Result<void> prepare();
  bool start(std::uint32_t index);
  void crash(std::uint32_t plan);
  void stop_process(Peer& peer, bool comes_back);
  void fail(std::uint32_t index, std::string why);
  [[nodiscard]] bool comes_back(std::uint32_t index) const;
  [[nodiscard]] bool could_have_joined(Peer& peer);
  void restart(std::uint32_t plan);
  void stop(std::uint32_t index);
  [[nodiscard]] bool founds(std::uint32_t index) const;
  void diverge(std::uint32_t index);
  void start_twin(std::uint32_t plan);
  void end_twin(std::uint32_t plan);
  void end_twins_of(std::uint32_t index);
  void deliver(std::uint32_t slot);
  void undeliverable(std::uint32_t slot);
  void finish_work(std::uint32_t index, std::uint64_t incarnation);
  void fire_timer(std::uint32_t index, std::uint64_t stamp);

  std::size_t drain(std::uint32_t index);
  void carry_out(std::uint32_t index, gossip::Send send);
  void carry_out(std::uint32_t index, gossip::Work work);
  void carry_out(std::uint32_t index, const gossip::Shun& shun);
  void carry_out(std::uint32_t index, const gossip::Report& report);
  void set_timer(std::uint32_t index);
  void finish_event(std::uint32_t index);

  [[nodiscard]] bool checking() const { return config_.checks != Checks::kNone; }
  /// A twin does nothing that the books know of; whoever believed it would be found out.
  [[nodiscard]] bool checks(const Peer& peer) const { return checking() && !peer.twin_of; }
  /// All but the twins, which come after them.
  [[nodiscard]] std::span<Peer> own_peers() { return {peers_.data(), config_.peers}; }
  [[nodiscard]] core::Instant clock(const Peer& peer) const {
    return core::Instant(world_.now() + peer.clock_offset);
  }
  [[nodiscard]] core::Duration duration(Peer& peer, const gossip::Work& work);
  [[nodiscard]] std::vector<gossip::Address> contacts(std::uint32_t index, bool first);
  void touch(std::uint32_t person) {
    if (std::find(touched_.begin(), touched_.end(), person) == touched_.end())
      touched_.push_back(person);
  }
  void mix(std::uint64_t value) { hash_ = core::mix64(hash_ ^ value) + 0x9e3779b97f4a7c15ULL; }
  void happened(EventKind kind, std::uint32_t index, std::uint64_t content);

  [[nodiscard]] bool over();
  [[nodiscard]] Progress progress();
  Outcome outcome();

  const SimConfig& config_;
  const ReplicaFactory& make_replica_;
  World world_;
  Network network_;
  Checker checker_;
  core::BufferPool pool_;
  std::vector<Peer> peers_;  ///< and the plan's twins
  std::vector<Person> touched_;
  std::uint64_t people_ = 0;
  std::size_t to_come_ = 0;  ///< starts and restarts not yet due
  std::uint64_t events_ = 0;
  std::uint64_t next_recompute_ = 0;
  std::uint64_t hash_ = 0;
  bool counted_ = false;  ///< the event being handled did something
  bool timed_out_ = false;
  bool stopped_ = false;
  core::Duration next_settled_check_{0};
  std::optional<core::Duration> all_settled_;
  std::vector<std::string> notes_;
};

}  // namespace murmur::sim
