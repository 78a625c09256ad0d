// Node: one peer in the real world. It owns the sockets, the clock and the threads; what is said on
// them is decided by gossip::Machine, and the numbers are the Replica's.
//
// Thread rule: open(), run() and the destructor on one thread; stop() from any thread and from
// signal handlers. run() calls the machine and the callbacks on the calling thread and the replica
// on a thread of its own (the compute lane), never both at once for one Work.
// Invariants: nothing blocks on a neighbour; no thread spins; memory taken for the network is
// bounded by the limits in net/transport.hpp and gossip::Config.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "core/ids.hpp"
#include "core/keys.hpp"
#include "core/replica.hpp"
#include "core/result.hpp"
#include "core/rng.hpp"
#include "core/storage.hpp"
#include "core/time.hpp"
#include "gossip/config.hpp"
#include "gossip/counters.hpp"
#include "gossip/effects.hpp"
#include "gossip/machine.hpp"
#include "net/door.hpp"

namespace murmur::net {

struct NodeConfig {
  /// "host:port" to receive on; IPv6 as "[::1]:7000"; port 0 takes any free one.
  std::string listen = "127.0.0.1:0";
  /// Where others reach this peer, "host:port" (port 0: the one bound). Empty: as bound.
  std::string advertise;
  /// Files of a swarm's key: messages are encrypted, and nothing comes in from who has none of them
  /// (docs/security.md). This peer listens with the first and calls with each.
  std::vector<std::filesystem::path> keys;
  /// Who of the key's holders may come in (net/trust.hpp); empty: all. It is followed as it
  /// changes.
  std::filesystem::path trust;
  /// Without a key messages are neither authenticated nor encrypted, so listening elsewhere than on
  /// loopback must be asked for.
  bool insecure = false;
};

/// How a run ended.
struct Outcome {
  /// Error: the replica failed (an exception on the lane), what was saved cannot be restored, or
  /// the run came to nothing (gossip::Machine::failure). A run that was stopped has none, unless it
  /// was still joining. After an error the replica is not worth keeping.
  core::Result<void> result;
  /// Error: the newest checkpoint, as a rule the last, could not be written.
  core::Result<void> saved;
  gossip::Status status;
  gossip::Counters counters;
  DoorCounters door;
};

using OnReport = std::function<void(core::Instant, const gossip::Report&)>;
using OnStatus = std::function<void(const gossip::Status&, const gossip::Counters&)>;

class Node {
 public:
  /// Binds. Error, one line naming it: a malformed address, an unresolvable host, a port in use, an
  /// address that is not loopback without a key or `insecure`, or a file that cannot be used.
  static core::Result<std::unique_ptr<Node>> open(const NodeConfig& config);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// As bound: numeric host and the real port. What `join` of another peer takes.
  [[nodiscard]] gossip::Address address() const;

  /// The key pair that `self` of run() is the id of; before run(), where there is a swarm's key.
  void call_as(const core::KeyPair& keys);

  /// Runs one peer from start to end; once per Node. `config.advertise` is filled in here and,
  /// where there are keys, what shows that this peer has them, and `config.swarm` if it has no
  /// name. `saved`: Checkpoint::protocol, the replica having been loaded from the same checkpoint.
  /// `on_report` gets every report as it comes, `on_status` is called four times a second and once
  /// at the end; either may be empty. Times are since an arbitrary epoch, on a steady clock.
  Outcome run(core::Replica& replica, core::Storage& storage, gossip::Config config,
              core::Identity self, std::optional<core::Bytes> saved, core::Rng rng,
              const OnReport& on_report, const OnStatus& on_status);

  /// Asks run() to finish. The first call ends training, and the run ends in good order: settling,
  /// lingering, a last checkpoint, goodbye. The second leaves out settling and lingering; further
  /// ones do nothing. Also before run(). Async-signal-safe.
  void stop() noexcept;

 private:
  struct Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The same address with its host looked up, "1.2.3.4:7000" or "[::1]:7000". Error, one line naming
/// it: malformed, or unresolvable. For checking --join before starting anything.
core::Result<gossip::Address> resolve(const gossip::Address& address);

}  // namespace murmur::net
