// The virtual clock, and what is due on it. Time is integer nanoseconds from the start of the run;
// it jumps from event to event. Events due at the same instant happen in the order in which they
// were scheduled, so a run has one order only.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/time.hpp"

namespace murmur::sim {

enum class EventKind : std::uint32_t {
  kStart,          ///< index: peer
  kFrame,          ///< index: slot of the network
  kWork,           ///< index: peer; stamp: incarnation
  kTimer,          ///< index: peer; stamp: of the timer
  kUndeliverable,  ///< index: slot of the network: its sender hears that it could not be handed on
  kCrash,          ///< index: of FaultPlan::crashes
  kRestart,        ///< index: of FaultPlan::crashes
  kStop,           ///< index: peer
  kDiverge,        ///< index: peer
  kTwin,           ///< index: of FaultPlan::twins
  kTwinEnd,        ///< index: of FaultPlan::twins
};

struct Due {
  core::Duration at{0};
  std::uint64_t id = 0;
  EventKind kind{};
  std::uint32_t index = 0;
  std::uint64_t stamp = 0;
};

class World {
 public:
  [[nodiscard]] core::Duration now() const { return now_; }

  /// Not before now.
  void schedule(core::Duration at, EventKind kind, std::uint32_t index, std::uint64_t stamp = 0) {
    heap_.push_back({at < now_ ? now_ : at, next_id_++, kind, index, stamp});
    sift_up(heap_.size() - 1);
  }

  /// Takes the next event and moves the clock to it.
  std::optional<Due> next() {
    if (heap_.empty()) return std::nullopt;
    const Due due = heap_.front();
    heap_.front() = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sift_down();
    now_ = due.at;
    return due;
  }

 private:
  // Four children a node: half as deep as a binary heap, and siblings share cache lines.
  static constexpr std::size_t kArity = 4;

  static bool before(const Due& a, const Due& b) {
    return a.at != b.at ? a.at < b.at : a.id < b.id;
  }

  void sift_up(std::size_t i) {
    const Due due = heap_[i];
    while (i > 0) {
      const std::size_t parent = (i - 1) / kArity;
      if (!before(due, heap_[parent])) break;
      heap_[i] = heap_[parent];
      i = parent;
    }
    heap_[i] = due;
  }

  void sift_down() {
    const Due due = heap_.front();
    std::size_t i = 0;
    for (;;) {
      const std::size_t first = i * kArity + 1;
      if (first >= heap_.size()) break;
      const std::size_t last = first + kArity < heap_.size() ? first + kArity : heap_.size();
      std::size_t least = first;
      for (std::size_t child = first + 1; child < last; ++child) {
        if (before(heap_[child], heap_[least])) least = child;
      }
      if (!before(heap_[least], due)) break;
      heap_[i] = heap_[least];
      i = least;
    }
    heap_[i] = due;
  }

  std::vector<Due> heap_;
  core::Duration now_{0};
  std::uint64_t next_id_ = 0;
};

}  // namespace murmur::sim
