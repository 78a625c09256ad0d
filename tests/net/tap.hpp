// A wire tap: peers are told that a peer lives at the tap's address, and it passes on to the real
// one what they send, keeping some messages of each type.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "gossip/wire.hpp"
#include "net/transport.hpp"
#include "net/wake_event.hpp"

namespace murmur::test {

/// As it was on the wire: the head's frame, then the payload's.
using Message = std::vector<core::Bytes>;

class Tap {
 public:
  Tap() : transport_(net::Transport::open({"127.0.0.1", 0}).value()) {
    transport_->set_payload_max(std::size_t{16} << 20);
  }
  ~Tap() {
    stopping_ = true;
    wake_.signal();
    if (thread_.joinable()) thread_.join();
  }

  [[nodiscard]] gossip::Address address() const { return net::to_string(transport_->bound()); }

  void start(const gossip::Address& to) {
    thread_ = std::thread([this, to] {
      while (!stopping_) {
        transport_->wait(wake_.fd(), 1000);
        while (const auto message = transport_->receive()) pass_on(*message, to);
      }
    });
  }

  /// False if within a minute not all of `types` have come by.
  bool wait_for(const std::vector<gossip::wire::Type>& types) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] {
      for (const auto type : types) {
        if (kept_[type].empty()) return false;
      }
      return true;
    });
  }
  std::map<gossip::wire::Type, std::vector<Message>> kept() {
    const std::lock_guard lock(mutex_);
    return kept_;
  }

 private:
  static constexpr std::size_t kKept = 20;  // of each type

  void pass_on(const gossip::Received& message, const gossip::Address& to) {
    gossip::wire::Type type{};
    std::memcpy(&type, message.head.data() + 6, 1);
    {
      const std::lock_guard lock(mutex_);
      std::vector<Message>& kept = kept_[type];
      if (kept.size() < kKept) {
        kept.push_back({message.head});
        if (message.payload) kept.back().push_back(*message.payload);
      }
    }
    changed_.notify_all();
    transport_->send(core::Instant(std::chrono::steady_clock::now().time_since_epoch()), to,
                     message.head, message.payload);
  }

  std::unique_ptr<net::Transport> transport_;
  net::WakeEvent wake_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<gossip::wire::Type, std::vector<Message>> kept_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace murmur::test
