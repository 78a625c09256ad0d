// Deadlines, in a heap. A timer is a slot (what, and of whom) that is armed at most once at a time;
// its owner, when it fires, looks at its own state and arms it again if there is still something to
// wait for. So a deadline that moves later costs nothing until the earlier one fires.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/ids.hpp"
#include "core/time.hpp"

namespace murmur::gossip {

enum class TimerKind : std::uint8_t {
  kLink,     ///< Links: hello, resume, ping, silence of one link
  kContact,  ///< Links: hello to an address of Config::join
  kShuffle,  ///< Links: telling a neighbour of others
  kOffer,    ///< Exchange: the own offer's time-out
  kResend,   ///< Exchange: a transfer not receipted
  kSettle,   ///< Run: looking again for a neighbour to settle with
  kRequest,  ///< StateCopy: a chunk not answered
  kExpire,   ///< Donor: a copy nobody asks for any more
  kPhase,    ///< Phases: the next end of a phase
};

struct Timer {
  core::Instant at;
  TimerKind kind{};
  core::PeerId peer;        ///< of kLink and kResend
  std::uint32_t index = 0;  ///< of kContact
};

/// What an owner keeps of its timer.
struct TimerSlot {
  std::optional<core::Instant> armed;
};

class Timers {
 public:
  /// Makes sure the timer fires at `timer.at` or earlier.
  void arm(TimerSlot& slot, Timer timer) {
    if (slot.armed && *slot.armed <= timer.at) return;
    slot.armed = timer.at;
    heap_.push_back(timer);
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  /// True iff the `timer` that fired is the one that `slot` waits for; then the slot is unarmed.
  static bool fired(TimerSlot& slot, const Timer& timer) {
    if (slot.armed != timer.at) return false;
    slot.armed.reset();
    return true;
  }
  [[nodiscard]] std::optional<core::Instant> next() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().at;
  }
  std::optional<Timer> pop(core::Instant now) {
    if (heap_.empty() || heap_.front().at > now) return std::nullopt;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Timer timer = heap_.back();
    heap_.pop_back();
    return timer;
  }

 private:
  static bool later(const Timer& a, const Timer& b) { return a.at > b.at; }
  std::vector<Timer> heap_;
};

}  // namespace murmur::gossip
