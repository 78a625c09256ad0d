// One peer in a thread of the test program, with what it reported so far. A test waits for what a
// peer says of itself, never for time to pass.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "core/storage.hpp"
#include "net/node.hpp"
#include "tests/catch.hpp"
#include "tests/net/test_replica.hpp"

namespace murmur::test {

inline constexpr std::uint64_t kSeed = 20240;

class TestPeer {
 public:
  struct Seen {
    gossip::Status status;
    gossip::Counters counters;
    std::vector<gossip::PeerReport> peers;
    bool ended = false;
  };

  TestPeer(int number, std::size_t size, std::size_t shard_size = core::kShardParameters,
           const net::NodeConfig& place = {})
      : replica(size, static_cast<float>(number), shard_size),
        identity{{kSeed, static_cast<std::uint64_t>(number) + 1}, 1},
        node_(net::Node::open(place).value()) {
    if (place.keys.empty()) return;
    const core::KeyPair keys = key_pair(number);
    identity.id = core::peer_id(keys.shown);
    node_->call_as(keys);
  }

  /// Of the peer so numbered, where there is a swarm's key.
  static core::KeyPair key_pair(int number) {
    return core::key_pair({{8, static_cast<std::uint8_t>(number)}});
  }

  ~TestPeer() { end(); }

  [[nodiscard]] gossip::Address address() const { return node_->address(); }

  static gossip::Config config() {
    gossip::Config config;
    config.offer_codec = core::Codec::kFp32;  // all that TestReplica speaks
    config.transfer_codec = core::Codec::kFp32;
    config.exchange_every = 200;
    return config;
  }

  void start(gossip::Config config, std::vector<gossip::Address> join = {}) {
    config.join = std::move(join);
    thread_ = std::thread([this, config] {
      net::Outcome outcome = node_->run(
          replica, storage, config, identity, std::nullopt,
          core::Rng(kSeed, identity.id.low, "peer"),
          [this](core::Instant, const gossip::Report& report) {
            if (const auto* peer = std::get_if<gossip::PeerReport>(&report)) {
              see([&](Seen& seen) { seen.peers.push_back(*peer); });
            }
          },
          [this](const gossip::Status& status, const gossip::Counters& counters) {
            see([&](Seen& seen) {
              seen.status = status;
              seen.counters = counters;
            });
          });
      see([&](Seen& seen) {
        outcome_ = std::move(outcome);
        seen.ended = true;
      });
    });
  }

  /// False if it has not come true within a minute, or cannot any more.
  bool wait(const std::function<bool(const Seen&)>& condition) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::minutes(1),
                      [&] { return condition(seen_) || seen_.ended; });
    return condition(seen_);
  }
  bool wait_for_exchanges(std::uint64_t more) {
    const std::uint64_t enough = now().status.exchanges + more;
    return wait([&](const Seen& seen) { return seen.status.exchanges >= enough; });
  }
  Seen now() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

  void stop() { node_->stop(); }
  /// Waits for the end of the run that was asked for, or that came by itself.
  const net::Outcome& outcome() {
    if (thread_.joinable()) thread_.join();
    return *outcome_;
  }
  /// Breaks the replica and closes the sockets without a goodbye.
  void die() {
    replica.break_down();
    outcome();
    node_.reset();
  }
  void end() {
    if (thread_.joinable()) {
      stop();
      thread_.join();
    }
  }

  TestReplica replica;
  core::MemoryStorage storage;
  core::Identity identity;

 private:
  void see(const std::function<void(Seen&)>& change) {
    {
      const std::lock_guard lock(mutex_);
      change(seen_);
    }
    changed_.notify_all();
  }

  std::unique_ptr<net::Node> node_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Seen seen_;                            // guarded by mutex_
  std::optional<net::Outcome> outcome_;  // written before seen_.ended
  std::thread thread_;
};

}  // namespace murmur::test
