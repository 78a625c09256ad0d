// One peer of a fleet: its process, what outlives that, and the machine that it runs on. And where
// peers are reached, at "p<i>:0".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/replica.hpp"
#include "core/rng.hpp"
#include "core/time.hpp"
#include "gossip/machine.hpp"
#include "gossip/work.hpp"
#include "sim/disk.hpp"
#include "sim/diverging.hpp"
#include "sim/ledger.hpp"

namespace murmur::sim {

struct Peer {
  Peer(const FaultPlan& plan, std::uint64_t seed, std::uint32_t index)
      : disk(plan, index, core::Rng(seed, index, "disk")), step_times(seed, index, "step-time") {}

  // What the process holds.
  std::unique_ptr<core::Replica> replica;
  Diverging* diverging = nullptr;            ///< the replica, where the plan has it diverge
  std::unique_ptr<gossip::Machine> machine;  ///< refers to the replica's schema
  std::optional<gossip::Work> work;
  core::Duration work_takes{0};
  std::vector<gossip::Address> contacts;
  bool trained = false;  ///< got past joining
  int stops = 0;         ///< that it was asked
  core::Duration started{0};
  std::optional<core::Duration> settled;
  // Its timer, and how often it fired for nothing at last_timer.
  std::optional<core::Duration> timer_at;
  std::uint64_t timer_stamp = 0;
  int idle_timers = 0;
  core::Duration last_timer{0};

  // What outlives it.
  Disk disk;
  Person person = 0;
  /// Whose state folder it was started from, while that peer goes on: of no account in the books.
  std::optional<std::uint32_t> twin_of;
  std::uint32_t incarnation = 0;  ///< starts so far
  bool down = false;              ///< killed, and not started again
  std::string failure;  ///< why the last incarnation ended with nothing done; empty: it did not
  std::uint64_t exchanges_before = 0;  ///< completed by earlier incarnations

  // The machine it runs on.
  double slowness = 1;
  core::Rng step_times;
  core::Duration clock_offset{0};
};

gossip::Address address_of(std::uint64_t index);
/// The peer reached at `address`; nothing if none of `peers` is.
std::optional<std::uint32_t> index_of(const gossip::Address& address, std::size_t peers);

}  // namespace murmur::sim
