// Machine: the whole protocol of one peer, as a pure state machine. Events and the time go in,
// effects come out; it never touches floats, clocks, threads or sockets, so the real driver (net)
// and the simulator (sim) run the same code.
//
// Thread rule: one thread owns it and calls everything.
// How to drive it: after construction and after every handle() or on_deadline(), poll() until
// empty; do each effect in order. Call on_deadline(now) at or after next_deadline(); an early or
// extra call is a no-op. `now` never decreases.
// Invariants: at most one Work is outstanding; at most Config::offers_max own offers are in
// flight, to distinct neighbours or of distinct shards; at most Config::window unreceipted
// transfers per directed edge, of distinct shards; the queues stay within Config's limits.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/ids.hpp"
#include "core/rng.hpp"
#include "core/schema.hpp"
#include "core/storage.hpp"
#include "core/time.hpp"
#include "gossip/config.hpp"
#include "gossip/counters.hpp"
#include "gossip/edge.hpp"
#include "gossip/effects.hpp"

namespace murmur::gossip {

/// A neighbour as others may see it.
struct NeighbourView {
  core::PeerId id;
  Address address;
  core::Boot boot = 0;
  bool up = false;         ///< linked, and heard lately
  Phase phase{};           ///< as it last said
  std::uint64_t step = 0;  ///< as it last said
};

/// Copied for a status line; all of it is cheap.
struct Status {
  Phase phase{};
  std::uint64_t step = 0;          ///< the model's age: adopted and trained steps
  core::Lineage lineage = 0;       ///< of the parameters; zero: none yet
  std::uint64_t step_adopted = 0;  ///< of these, copied from a donor
  std::size_t neighbours = 0;      ///< up
  double spread = 0;  ///< largest last ‖d‖/‖x‖ over recent distinct neighbours; NaN before any
  double staleness_mean = 0;    ///< over own completed exchanges, steps
  std::uint64_t exchanges = 0;  ///< that changed this replica, either side
};

class Machine {
 public:
  /// `schema` outlives the machine. `saved`: Checkpoint::protocol, if it resumes; one that
  /// saved_step refuses is a bug. The replica must have been loaded from the same checkpoint.
  Machine(core::Instant now, core::Identity self, const Config& config, const core::Schema& schema,
          core::Rng rng, std::optional<core::ByteView> saved = std::nullopt);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void handle(core::Instant now, Event event);
  void on_deadline(core::Instant now);
  [[nodiscard]] std::optional<core::Instant> next_deadline() const;
  [[nodiscard]] std::optional<Effect> poll();

  // ---- for status lines, summaries and checkers; never steer by these ----
  [[nodiscard]] core::Identity self() const;
  [[nodiscard]] Phase phase() const;
  [[nodiscard]] Status status() const;
  [[nodiscard]] const Counters& counters() const;
  [[nodiscard]] std::vector<NeighbourView> neighbours() const;
  /// Every edge ever used, by the other's id; null if there is none with `peer`.
  [[nodiscard]] const Edge* edge(core::PeerId peer) const;
  [[nodiscard]] const std::map<core::PeerId, Edge>& edges() const;
  /// A pointer to an edge holds while this does not change.
  [[nodiscard]] std::uint64_t edges_forgotten() const;
  /// Queued work and outstanding work; bounded by serve_queue_max + window x links_max + 8.
  [[nodiscard]] std::size_t queued() const;
  /// Why the run came to nothing, if it did: the phase is then done or soon will be, and the
  /// replica is not worth keeping.
  [[nodiscard]] const std::optional<std::string>& failure() const;
  /// Why the newest checkpoint could not be written; empty: it could.
  [[nodiscard]] const std::string& unsaved() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

/// The model's age, in steps, that a machine restored from `saved` goes on from. Error iff it
/// cannot be restored: truncated, of another layout or schema, of another peer than `self`, or made
/// in a boot later than self.boot.
core::Result<std::uint64_t> saved_step(core::ByteView saved, core::Identity self,
                                       const core::Schema& schema);

}  // namespace murmur::gossip
