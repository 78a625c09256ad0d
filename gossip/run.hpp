// Run: the lane, the replica's one worker: at most one Work is out, and when it is back the next is
// chosen here: what moves mass first, then what others wait for, then evaluation and saving, then
// training; but never so much mixing that training stands still.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "gossip/donor.hpp"
#include "gossip/exchange.hpp"
#include "gossip/links.hpp"
#include "gossip/pace.hpp"
#include "gossip/phases.hpp"
#include "gossip/shell.hpp"
#include "gossip/state_copy.hpp"

namespace murmur::gossip {

class Run {
 public:
  /// `resumed`: the replica was loaded from a checkpoint of `step_adopted`.
  Run(Shell& shell, Links& links, Exchange& exchange, StateCopy& copy, Donor& donor, Edges& edges);
  void start(bool resumed, std::uint64_t step_adopted);
  void stop(bool at_once) { phases_.stop(at_once); }
  /// A neighbour knows this peer's boot `newest`, so this process came from an older state: it goes
  /// past that.
  void older_than(core::Boot newest) { boot_to_pass_ = std::max(boot_to_pass_, newest); }

  /// After every event: changes the phase if it is time to, and gives the lane its next work.
  void advance();
  void on_done(WorkDone& done);
  void on_phase_timer(const Timer& timer) { phases_.on_timer(timer); }
  void on_settle_timer(const Timer& timer) { Timers::fired(settle_timer_, timer); }

  [[nodiscard]] bool lane_busy() const { return busy_; }
  [[nodiscard]] std::uint64_t step_adopted() const { return step_adopted_; }
  /// Why the newest checkpoint could not be written; empty: it could.
  [[nodiscard]] const std::string& unsaved() const { return unsaved_; }

 private:
  void begin_training();
  std::optional<Work> choose();
  std::optional<Work> choose_training();
  void settle();
  [[nodiscard]] bool evaluation_due() const;
  [[nodiscard]] bool save_due() const;
  [[nodiscard]] bool nothing_to_save() const;
  Work save();
  [[nodiscard]] core::Bytes protocol() const;
  void pace_anew();
  void reborn(core::Boot boot, bool of_another_draw);

  void done(const Trained& result, core::Duration took);
  void done(const OfferMade& result, core::Duration took);
  void done(Responded& result, core::Duration took);
  void done(const Absorbed& result, core::Duration took);
  void done(const Evaluated& result, core::Duration took);
  void done(const Saved& result, core::Duration took);
  void done(const SnapshotTaken& result, core::Duration took);
  void done(const Adopted& result, core::Duration took);
  void done(const BootRaised& result, core::Duration took);

  Shell& shell_;
  Links& links_;
  Exchange& exchange_;
  StateCopy& copy_;
  Donor& donor_;
  Edges& edges_;
  Phases phases_;
  Pace pace_;

  bool busy_ = false;
  core::Boot boot_to_pass_ = 0;
  int mixings_in_a_row_ = 0;
  std::uint64_t next_offer_step_ = 0;
  std::uint64_t next_evaluation_step_ = 0;
  core::Instant next_evaluation_{};
  core::Instant next_save_{};
  std::uint64_t step_adopted_ = 0;

  bool final_save_done_ = false;
  bool saving_last_ = false;
  int final_save_failed_ = 0;  ///< times in a row
  core::Duration final_save_backoff_{0};
  std::string unsaved_;
  bool said_saves_are_rare_ = false;
  core::Instant next_settle_{};  ///< own offer
  TimerSlot settle_timer_;
};

}  // namespace murmur::gossip
