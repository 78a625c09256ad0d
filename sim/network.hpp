// The pretend network: real message bytes between peers, late, twice, changed or never, as the
// FaultPlan says.
// Thread rule: one thread.
// Invariant: each sender draws each kind of fault from a stream of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "core/bytes.hpp"
#include "core/rng.hpp"
#include "core/time.hpp"
#include "sim/faults.hpp"
#include "sim/world.hpp"

namespace murmur::sim {

/// A message under way.
struct Frame {
  core::Bytes head;
  core::Payload payload;
  std::uint32_t from = 0;         ///< peer
  std::uint32_t to = 0;           ///< peer
  std::uint32_t from_person = 0;  ///< which of the identities that the sending peer has had
  std::uint32_t incarnation = 0;  ///< of the sender
};

class Network {
 public:
  /// `plan` outlives the network. After the `peers` come the plan's twins, on no side of a cut.
  Network(const FaultPlan& plan, std::size_t peers, std::uint64_t seed);

  /// Schedules what becomes of `frame` in `world`.
  void send(World& world, Frame frame);
  /// The frame of a kFrame or kUndeliverable event; its slot is free again.
  Frame take(std::uint32_t slot);
  /// Tells the sender, at once, that nobody is there to take `frame`; or, as often, tells nothing.
  void bounce(World& world, Frame frame);

  /// True if a message sent at `now` from one to the other is lost to a cut.
  [[nodiscard]] bool cut_off(core::Duration now, std::uint32_t from, std::uint32_t to) const;

 private:
  struct Sender {
    core::Rng loss, duplicate, delay, duplicate_delay, corrupt, bounce;
    core::Duration busy_until{0};  ///< its last message has left the machine
  };

  std::uint32_t keep(Frame frame);
  void spoil(Frame& frame, core::Rng& rng);

  const FaultPlan& plan_;
  std::size_t peers_;
  std::vector<Sender> senders_;
  std::vector<Frame> frames_;
  std::vector<std::uint32_t> free_;
};

}  // namespace murmur::sim
