// Donor: gives newcomers this peer's parameters and optimizer, in the chunks that they ask for
// (docs/protocol.md, "A newcomer"). Several newcomers are given one copy, as long as it is not old:
// the lane makes another only within a share of its time.
// Memory: at most Config::copies_max copies of the state, each freed when those that asked for it
// have it and another would be given a newer one, or when nobody has asked for it for a while.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "gossip/links.hpp"
#include "gossip/shell.hpp"

namespace murmur::gossip {

class Donor {
 public:
  Donor(Shell& shell, Links& links) : shell_(shell), links_(links) {}

  /// Of the whole state, and some: an answer that there is none counts as one.
  [[nodiscard]] std::uint64_t chunks() const;
  void on_request(const wire::Header& header, const wire::StateRequest& request);
  void on_expire_timer(const Timer& timer);
  /// Drops the copies that nobody needs any more; to be called when something was heard.
  void release();
  /// A copy to make, if one is asked for.
  std::optional<Work> next_snapshot();
  void done(const SnapshotTaken& result, core::Duration took);

 private:
  struct Kept {
    std::uint32_t id = 0;
    std::shared_ptr<const core::Snapshot> state;
    core::Lineage lineage = 0;
    std::uint64_t step = 0;
    core::Instant fresh_until{};
    core::Instant used{};
    std::vector<core::PeerId> asked = {};  ///< of those that are linked
  };
  /// For a snapshot, to be sent this of it.
  struct Waiting {
    core::PeerId peer;
    core::Plane plane{};
    std::uint64_t offset = 0;
  };
  [[nodiscard]] bool fresh(const Kept& kept) const;
  [[nodiscard]] bool awaited(Kept& kept);
  bool make_room();
  void send_chunk(core::PeerId to, Kept& kept, core::Plane plane, std::uint64_t offset);
  void send_none(core::PeerId to, std::uint32_t snapshot);

  Shell& shell_;
  Links& links_;
  std::vector<Kept> kept_;  // the newest last
  std::uint32_t copies_ = 0;
  std::vector<Waiting> waiting_;
  bool taking_ = false;
  TimerSlot expire_timer_;
};

}  // namespace murmur::gossip
