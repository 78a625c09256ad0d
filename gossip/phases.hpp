// Phases: where this peer is in its run, and when it goes on to the next. Each phase is entered at
// most once, in the order of gossip/effects.hpp; every header carries it, so neighbours know.
//
//   joining    left when the parameters are adopted (Run says so)
//   training   entered at once by who has parameters; left at steps_max, at duration_max, or by a
//              Stop
//   settling   left when the neighbours agree, or settle_max has passed, or by a Stop at once
//   lingering  left when every neighbour has settled too and nothing is owed either way, or linger
//              has passed, or by a Stop at once; and the last checkpoint is written
//   done       goodbye has been said; entered from anywhere, with nothing saved, on a failure
//              (Shell::fail), which a Stop is while joining: there is nothing to keep
#pragma once

#include <optional>
#include <string>

#include "gossip/exchange.hpp"
#include "gossip/links.hpp"
#include "gossip/shell.hpp"

namespace murmur::gossip {

class Phases {
 public:
  Phases(Shell& shell, Links& links, Exchange& exchange);

  void begin_training() { enter(Phase::kTraining); }
  void stop(bool at_once) {
    stopping_ = true;
    at_once_ |= at_once;
  }
  /// After every event: enters the next phase if it is time to. `saved`: nothing has changed since
  /// the last checkpoint, or none is wanted.
  void advance(bool lane_busy, bool saved);
  /// advance() is called again at `at`, or before.
  void wake_at(core::Instant at);
  void on_timer(const Timer& timer) { Timers::fired(timer_, timer); }

  /// Training, with the company that was to be waited for.
  [[nodiscard]] bool trains() const { return shell_.phase == Phase::kTraining && !waiting_; }
  /// Offers without training, as the neighbours do not agree yet or no longer.
  [[nodiscard]] bool settles() const { return shell_.phase == Phase::kSettling || moved_again(); }
  /// Lingering is over but for the last checkpoint: nothing will change any more.
  [[nodiscard]] bool may_leave() const;

 private:
  void enter(Phase phase, std::string message = {});
  [[nodiscard]] std::string furthest() const;
  [[nodiscard]] std::string settled_with() const;
  [[nodiscard]] std::string missing() const;
  [[nodiscard]] bool still_waiting();
  [[nodiscard]] bool training_over() const;
  [[nodiscard]] bool agreed() const;
  [[nodiscard]] bool neighbours_settled() const;
  [[nodiscard]] bool moved_again() const;
  [[nodiscard]] core::Instant settling_until() const;
  [[nodiscard]] core::Instant settled_at() const;
  [[nodiscard]] core::Duration quiet() const;
  [[nodiscard]] bool nothing_to_wait_for() const;

  Shell& shell_;
  Links& links_;
  Exchange& exchange_;

  core::Instant began_{};  ///< the phase
  core::Instant training_began_{};
  std::optional<core::Instant>
      ended_;                 // when a neighbour last ended training: known, and allowed for
  core::Instant differed_{};  ///< when they did not agree, last
  bool agreed_once_ = false;  ///< left settling because the neighbours agreed
  bool waiting_ = false;      // for Config::wait_for neighbours
  bool stopping_ = false;
  bool at_once_ = false;  ///< without settling and lingering
  TimerSlot timer_;
};

}  // namespace murmur::gossip
