// A whole fleet of peers in one process and in virtual time: real gossip::Machines, real wire
// bytes, a network that misbehaves as the FaultPlan says, replicas of the caller's choice, and a
// checker that knows better than the peers do what each of them holds.
//
// Thread rule: run() works on the calling thread alone and calls back on it.
// Invariants: the outcome is a function of the SimConfig and of what the replicas compute; no
// clock is read (a caller who wants events per second divides by its own).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/replica.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "gossip/config.hpp"
#include "gossip/counters.hpp"
#include "gossip/effects.hpp"
#include "sim/distribution.hpp"
#include "sim/faults.hpp"

namespace murmur::sim {

/// What the checker does; see sim/checker.hpp for the list.
enum class Checks : std::uint8_t {
  kNone,
  kProtocol,  ///< all but the checks that read parameters after each change (for large models)
  kAll,
};

/// How long the Works other than Train take, as multiples of the mean step time.
struct WorkCosts {
  double mix = 0.02;  ///< MakeOffer, Respond, Absorb
  double evaluate = 1;
  double state = 0.1;  ///< Save, TakeSnapshot, Adopt
};

struct Progress {
  core::Duration now{0};  ///< virtual
  std::uint64_t events = 0;
  std::uint64_t exchanges = 0;  ///< completed: receipted
  std::uint64_t step_min = 0;   ///< over the peers that are up
  double step_mean = 0;
  std::size_t peers_up = 0;
  std::size_t peers_settled = 0;  ///< past settling
  std::size_t violations = 0;
};

struct SimConfig {
  std::size_t peers = 4;
  std::uint64_t seed = 1;
  /// For every peer, but for `advertise` and `join`, which are filled in: peer i is reached at
  /// "p<i>:0"; peer 0 founds, each other joins one to three random peers before it.
  gossip::Config gossip;
  /// For single peers, instead of that.
  std::map<std::size_t, gossip::Config> own;
  Distribution step_time = Distribution::constant(std::chrono::milliseconds(10));
  WorkCosts costs;
  FaultPlan faults;
  Checks checks = Checks::kAll;
  std::uint64_t recompute_every = 10'000;  ///< events between checks of everything, at least
  core::Duration time_max{0};              ///< virtual; the run ends there; 0: no limit
  std::size_t violations_max = 8;          ///< the run ends at this many
  /// The one line that reruns this, printed with each violation.
  std::string replay;

  /// Each `progress_every` events; false ends the run.
  std::function<bool(const Progress&)> on_progress;
  std::uint64_t progress_every = 100'000;
  /// Every report of every peer, and after them of the plan's twins, with the virtual time.
  std::function<void(std::size_t peer, core::Duration now, const gossip::Report&)> on_report;
};

inline const gossip::Config& config_of(const SimConfig& config, std::size_t peer) {
  const auto own = config.own.find(peer);
  return own == config.own.end() ? config.gossip : own->second;
}

/// Called for incarnation 0 of each peer and again after each crash.
using ReplicaFactory =
    std::function<std::unique_ptr<core::Replica>(std::size_t peer, std::size_t incarnation)>;

struct PeerOutcome {
  core::PeerId id;
  bool up = false;  ///< false: crashed and never restarted, or failed; what follows is zero
  gossip::Phase phase{};
  std::uint64_t steps = 0;  ///< the model's age
  core::Lineage lineage = 0;
  double accuracy = 0;  ///< of the last replica, evaluated at the end
  double loss = 0;
  std::uint64_t exchanges = 0;
  double staleness_mean = 0;  ///< steps
  double seconds = 0;         ///< virtual, from its start to its being settled (or the end)
  std::size_t incarnations = 0;
  std::string failure;                     ///< why its last incarnation ended with nothing done
  gossip::Counters counters;               ///< of the last incarnation
  std::unique_ptr<core::Replica> replica;  ///< as the run left it; null if not up
};

struct Outcome {
  std::vector<PeerOutcome> peers;
  double spread = 0;  ///< largest ‖x_p - mean‖ / ‖mean‖ over the peers that are up
  std::uint64_t trace_hash = 0;  ///< over every event's time, kind, peer and content
  std::uint64_t events = 0;      ///< messages delivered, works finished, timers that did something
  std::uint64_t exchanges = 0;   ///< completed: receipted
  std::uint64_t checks = 0;      ///< single comparisons made by the checker
  std::uint64_t unresolved = 0;  ///< transfers neither receipted nor written off, between peers up
  core::Duration now{0};         ///< virtual, at the end
  bool timed_out = false;        ///< ended by time_max
  bool stopped = false;          ///< ended by on_progress
  std::vector<std::string> violations;
  std::vector<std::string>
      notes;  ///< what the plan made go wrong: peers that ended for want of others
};

/// Runs until every peer that is up, and due to come up, has settled and said goodbye.
/// Error: a bad plan, no peers, no end (no steps, no duration and no time_max), or a first
/// replica that could not be made (null).
core::Result<Outcome> run(const SimConfig& config, const ReplicaFactory& make_replica);

}  // namespace murmur::sim
