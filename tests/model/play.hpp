// The rules: what a peer does on each event, as a second implementation of docs/protocol.md that is
// small enough to be tried in every order. Each function is one atomic step of one peer.
//
// Thread rule: a value over one State. Invariant: a step that is not possible changes nothing and
// says so by returning false.
#pragma once

#include "tests/model/rules.hpp"
#include "tests/model/state.hpp"

namespace murmur::model {

class Play {
 public:
  Play(const Setup& setup, Mutant mutant, State& state)
      : setup_(setup), mutant_(mutant), state_(state) {}

  // ---- what may happen to a peer at any time ----
  bool crash(int who, bool torn);  ///< and starts again
  bool die(int who);
  bool save(int who);
  bool hear(int who, int boot);  ///< a Hello of the other's
  bool send_resume(int who);
  bool send_pending(int who);
  bool make_offer(int who);
  bool drop_payload(int who, Id id);
  bool undo(int who, Id id);  ///< kTimeoutUndoes alone

  // ---- the lane ----
  bool begin_take(int who);
  bool end_take(int who, Share share);
  bool end_serve(int who);

  // ---- what arrives ----
  bool deliver(const Message& message);

  /// After every step: what can never be handled any more leaves the net.
  void tidy();
  /// What an invariant says of the steps so far; null: nothing.
  [[nodiscard]] const char* violation() const { return violation_; }

 private:
  [[nodiscard]] bool broken(Mutant mutant) const { return mutant_ == mutant; }
  Peer& at(int who) { return state_.peer[who]; }
  void violate(const char* what) {
    if (violation_ == nullptr) violation_ = what;
  }
  void send(int who, Message message);
  void send_transfer(int who, Id id);
  void send_receipt(int who, Id id, bool repeat);
  [[nodiscard]] bool deliverable(const Message& message) const;

  bool on_offer(int who, const Message& message);
  bool on_transfer(int who, const Message& message);
  bool on_void(int who, const Message& message);
  bool on_receipt(int who, const Message& message);
  bool on_resume(int who, const Message& message);
  void compare(int who, const Message& resume);
  [[nodiscard]] bool asked_for(const Peer& taker, const Message& transfer) const;
  void mark_seen(Taking& taking, Id id);
  /// What the transfer after `id` is called.
  [[nodiscard]] static Id next_after(const Peer& taker, Id id);

  const Setup& setup_;
  Mutant mutant_;
  State& state_;
  const char* violation_ = nullptr;
};

/// The newest transfer that waits for the lane or is in it; -1: none does.
Id newest_taking(const Peer& taker);
/// kIds if nothing is.
Id oldest_pending(const Giving& giving);

}  // namespace murmur::model
