// StateCopy: how a newcomer gets the parameters and the optimizer of a neighbour before its first
// step, in chunks that it asks for one after the other, checked as a whole by length and CRC-32C.
// A donor that falls silent or drops the snapshot is left for another, from the beginning.
// Memory: a donor keeps one snapshot, freed when nobody has asked for it for a while; a newcomer
// grows its buffer by what arrives, never by what is announced.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gossip/links.hpp"
#include "gossip/shell.hpp"

namespace murmur::gossip {

class StateCopy {
 public:
  StateCopy(Shell& shell, Links& links);

  // ---- newcomer ----
  /// Looks for a donor if there is none; called when a link comes up.
  void seek();
  void on_chunk(const wire::Header& header, const wire::StateChunk& chunk,
                const core::Payload& payload);
  void on_link(core::PeerId peer, LinkChange change);
  void on_request_timer(const Timer& timer);
  /// Why there is no hope of a state, if so: every contact has refused this peer, or for
  /// Config::join_max there was no donor and nothing came from one.
  [[nodiscard]] std::optional<std::string> hopeless() const;
  [[nodiscard]] core::Instant gives_up_at() const { return heard_ + shell_.config.join_max; }
  /// The state to adopt, once it is whole.
  std::optional<Work> next_adoption();
  /// True: adopted, and `step` is the model's age. False: it did not fit; another donor is sought.
  bool done(const Adopted& result);

  // ---- donor ----
  void on_request(const wire::Header& header, const wire::StateRequest& request);
  std::optional<Work> next_snapshot();
  void done(const SnapshotTaken& result);
  void on_expire_timer(const Timer& timer);

 private:
  struct Copy {
    core::PeerId donor;
    std::uint32_t snapshot = 0;  ///< 0 until the first chunk
    std::uint64_t total = 0;
    std::uint64_t step = 0;
    std::uint32_t crc = 0;
    core::Bytes bytes;
    int tries = 0;
    core::Duration backoff{0};
    bool whole = false;
  };
  struct Kept {
    std::uint32_t id = 0;
    core::Payload state;
    std::uint32_t crc = 0;
    std::uint64_t step = 0;
    core::Instant taken{};
    core::Instant used{};
  };
  void leave_donor();
  void request();
  void send_chunk(core::PeerId to, Kept& kept, std::uint64_t offset);

  Shell& shell_;
  Links& links_;
  core::Instant heard_;  ///< when a donor last was found or sent something; at first, the start
  std::optional<Copy> copy_;
  core::PeerId avoid_;  // the donor that failed last
  TimerSlot request_timer_;
  std::vector<Kept> kept_;  // the newest last: at most that, and one that some are half through
  std::uint32_t snapshots_ = 0;
  std::vector<core::PeerId> waiting_;
  bool taking_ = false;
  TimerSlot expire_timer_;
};

}  // namespace murmur::gossip
