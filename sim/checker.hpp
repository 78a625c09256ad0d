// The checker: it watches every change to every replica, keeps the ledger of who really holds what,
// and compares it, after each event, with what the machines on the edges concerned say.
//
// After each event, on the edges it touched:
//  - a transfer is applied at most once by each side, in rising order, by the taker with the
//    maker's payload and weight;
//  - entry by entry, what the maker holds less what the taker holds is what is in flight, worked
//    out anew from the maker's outbox and the taker's highest seen id; over an edge, what is then
//    left is what its counters of lost, refused and voided transfers say;
//  - once the faults are over, no transfer stays in flight for long;
//  - the outbox holds the newest transfers that the maker's replica holds, and no others, and no
//  more
//    than its window;
//  - a receipt says of each transfer what really became of it;
//  - what a transfer did to the probes (sim/probe.hpp) of its two sides cancels;
//  - the lane works while the peer trains, whatever the network does, and does not only mix; queues
//    keep their bound, and so do payloads kept for those that are not reached;
//    parameters are finite; an exchange's reported staleness and age are the true ones, and what an
//    offer claims to expect is a moving average of them;
//  - one offer leads to one transfer at most, whatever restarted in between;
//  - who leaves before its time to linger is over is owed no receipt by a neighbour that is up;
//  - who leaves has saved all that it did, or tried as often as it should;
//  - parameters of two draws are never mixed, and once the faults are over, two that are up with
//  each
//    other are of one before long;
//  - once its training gave NaN, nothing of a replica is offered, given, taken, saved or copied.
// Every `recompute` (each 10,000 events): all of that on every edge and peer, the ledger's open
// entries from scratch, every probe read anew, and the sum over all replicas.
//
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/time.hpp"
#include "gossip/config.hpp"
#include "gossip/effects.hpp"
#include "gossip/machine.hpp"
#include "gossip/wire.hpp"
#include "gossip/work.hpp"
#include "sim/claims.hpp"
#include "sim/ledger.hpp"
#include "sim/probe.hpp"

namespace murmur::sim {

class Checker {
 public:
  /// From `quiet_from` on there are no faults. `probing` false: nothing that reads parameters.
  Checker(core::Duration quiet_from, bool probing, std::uint64_t seed, std::string replay,
          std::size_t violations_max);

  /// For the messages: what is going on.
  void set_event(core::Duration now, std::uint64_t number) {
    now_ = now;
    event_ = number;
  }

  // ---- a peer's life ----
  /// A fresh identity, not yet running.
  Person add_person(core::PeerId id, std::uint32_t peer);
  /// `restored`: the replica was loaded from the checkpoint. `can_crash`: it may be killed later
  /// and come back with its state.
  void started(Person who, const gossip::Machine& machine, core::Replica& replica,
               const gossip::Config& config, bool restored, bool can_crash);
  void crashed(Person who, bool comes_back);
  /// It is down, and comes back not from its newest checkpoint but from the one before.
  void torn(Person who);
  /// It is down, and its state folder is copied elsewhere.
  void backed_up(Person who);
  /// It is down, and comes back from the copy made `ago` before the last, boot count and all.
  void put_back(Person who, std::size_t ago);
  [[nodiscard]] core::PeerId id(Person who) const { return persons_[who].id; }
  /// The number of `id`, or -1.
  [[nodiscard]] std::int64_t find(core::PeerId id) const;
  /// Where the next person's number goes into its id, so that find() is one look.
  static core::PeerId number_id(core::PeerId random, Person number);

  // ---- the lane ----
  void work_begins(Person who);
  /// Before it is performed; keeps what is needed of `work`.
  void work_ends(Person who, const gossip::Work& work);
  void work_performed(Person who, const gossip::WorkResult& result);

  // ---- what the machine said ----
  void exchanged(Person who, const gossip::ExchangeReport& report);
  void linked(Person who, core::PeerId other);
  /// `at_once`: its user asked it to leave whatever it owes.
  void entered(Person who, gossip::Phase phase, bool at_once);
  /// A message leaves.
  void sends(Person who, const core::Bytes& head, const core::Payload& payload);

  // ---- comparisons ----
  /// At the end of an event at `who` that concerned `others`.
  void check(Person who, bool lane_busy, std::span<const Person> others);
  void recompute();

  /// That ever met.
  [[nodiscard]] std::uint64_t pairs() { return ledger_.pairs().size(); }
  /// Transfers that stayed in flight between persons that are up and have not said goodbye.
  [[nodiscard]] std::uint64_t unresolved();
  [[nodiscard]] std::uint64_t checks() const { return checks_; }
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] std::vector<std::string> take_violations() { return std::move(violations_); }
  void violate(std::string what);

 private:
  static constexpr std::size_t kOffersKept = 16;
  struct KeptOffer {
    std::weak_ptr<const core::Bytes> payload;  // names it, and does not keep its bytes
    OfferMade made;
  };
  struct Scalars {
    Reading reading;
    double base = 0;            // of the probe, as drawn, loaded or adopted
    double trained_moved = 0;   // by training
    std::uint64_t trained = 0;  // steps
  };
  struct PersonState {
    core::PeerId id;
    std::uint32_t peer = 0;
    const gossip::Machine* machine = nullptr;  // null while it is down
    core::Replica* replica = nullptr;
    core::Boot boot = 0;
    core::Boot boot_before = 0;  // the newest of the earlier processes
    std::uint32_t incarnation = 0;
    // Pointers to the machine's edges are of an epoch: it ends when the machine ends or forgets
    // one.
    std::uint64_t edges_epoch = 0;
    std::uint64_t edges_forgotten = 0;  // by the machine, in this epoch
    std::size_t edges_known = 0;        // of the machine's edges, those found in this epoch
    Scalars now;
    Scalars saved;
    Scalars saved_before;                             // by the last checkpoint but one
    std::vector<std::pair<Scalars, Scalars>> copies;  // of these two
    bool unsaved = false;                             // it changed after it last saved
    int saves_failed = 0;                             // since it last saved
    bool restored = false;                            // from its checkpoint
    bool diverged = false;                            // its training gave NaN
    gossip::Config config;
    Claims claims;
    core::Duration lingers{0};   // since
    int mixings = 0;             // since it last trained
    std::uint64_t rounding = 0;  // the seed of its last response
    std::int64_t lane_began_ns = 0;
    std::uint64_t offers = 0;
    std::vector<KeptOffer> kept_offers;
  };
  struct Observed {
    enum class Kind : std::uint8_t { kNone, kOffer, kGave, kTook } kind = Kind::kNone;
    bool reported = false;
    std::uint32_t crc = 0;
    float weight = 0;
    double moved = 0;
    double slack = 0;
    core::Payload offer;  // of a Respond; held, so that its address names it
  };

  void reborn(Person who, core::Boot boot);
  void forget_agreed(Person who);
  /// It came back from a backup, and has not heard of its later boots yet.
  [[nodiscard]] bool repeats(const PersonState& person) const {
    return person.boot <= person.boot_before;
  }
  void check_lineages(Pair& pair);
  [[nodiscard]] bool active(Person who) const;  ///< up, and has not said goodbye
  [[nodiscard]] bool must_resolve(const Pair& pair) const;
  void gave(Person who, Person other, const gossip::ExchangeReport& report);
  void took(Person who, Person other, const gossip::ExchangeReport& report);
  void receipts(Person who, core::PeerId maker, const gossip::wire::Receipt& receipt);
  void check_staleness(Person who, const OfferMade& offer, const gossip::ExchangeReport& report);
  std::uint32_t pair_of(Person a, Person b);
  void find_edges(Pair& pair);
  void begin_edges(PersonState& person);
  void check_pair(Pair& pair);
  void check_flow(const Pair& pair, int direction);
  void check_peer(Person who, bool lane_busy);
  void check_sum();
  void recompute_peer(Person who);
  [[nodiscard]] OfferMade find_offer(Person maker, const core::Payload& payload) const;
  [[nodiscard]] std::string name(Person who) const;
  void expect(bool holds, auto&& describe) {
    ++checks_;
    if (!holds) violate(describe());
  }

  core::Duration quiet_from_;
  bool probing_;
  std::string replay_;
  std::size_t violations_max_;
  Probe probe_;
  Ledger ledger_;
  std::vector<PersonState> persons_;
  Observed observed_;
  core::Duration now_{0};
  std::uint64_t event_ = 0;
  std::uint64_t checks_ = 0;
  double slack_ = 0;  // rounding allowed in the sum over all replicas
  std::vector<std::string> violations_;
};

}  // namespace murmur::sim
