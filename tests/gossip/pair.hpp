// A few machines joined by a network that delivers in order and at once, and whose replicas are one
// float each: enough to state what the protocol promises. The simulator is where it is put to the
// test; here each rule is looked at by itself.
#pragma once

#include <cmath>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/storage.hpp"
#include "gossip/machine.hpp"
#include "gossip/wire.hpp"
#include "gossip/work.hpp"
#include "tests/gossip/one_float.hpp"

namespace murmur::gossip::test {

/// Memory whose next so many saves fail.
class FailingStorage : public core::MemoryStorage {
 public:
  core::Result<void> save(core::ByteView checkpoint) override {
    ++saves;
    if (failures > 0) {
      --failures;
      return core::fail("disk full");
    }
    return MemoryStorage::save(checkpoint);
  }
  int failures = 0;
  int saves = 0;
};

struct Peer {
  Peer(float x, Config its_config, std::string model)
      : config(std::move(its_config)), replica(std::make_unique<OneFloat>(x, std::move(model))) {}

  /// A fresh boot of `id`, whose chance is drawn from `seed`; `resume`: from the last checkpoint.
  void start(core::Instant now, core::PeerId id, std::uint64_t seed, bool resume) {
    const auto identity = storage.start(id);
    std::optional<core::Bytes> protocol;
    if (resume) {
      auto checkpoint = split_checkpoint(**storage.load());
      protocol = checkpoint->protocol;
      (void)replica->load(checkpoint->replica);
    }
    std::optional<core::ByteView> saved;
    if (protocol) saved = core::ByteView(*protocol);
    machine = std::make_unique<Machine>(now, *identity, config, replica->schema(),
                                        core::Rng(seed, identity->boot, "machine"), saved);
    dead = false;
  }

  Config config;
  std::unique_ptr<OneFloat> replica;
  FailingStorage storage;
  std::unique_ptr<Machine> machine;
  std::vector<Report> reports;
  bool dead = false;

  template <class T>
  [[nodiscard]] std::vector<T> reported() const {
    std::vector<T> found;
    for (const Report& r : reports) {
      if (const T* record = std::get_if<T>(&r)) found.push_back(*record);
    }
    return found;
  }
};

class Net {
 public:
  /// A Work takes this long.
  core::Duration work_time = std::chrono::milliseconds(1);
  core::Duration save_time = std::chrono::milliseconds(1);
  core::Duration snapshot_time = std::chrono::milliseconds(1);
  core::Duration delay = std::chrono::microseconds(100);
  /// Messages for which it answers false are lost.
  std::function<bool(const Send&, wire::Type)> delivers = [](const Send&, wire::Type) {
    return true;
  };
  /// May change what is sent.
  std::function<void(Send&)> alter = [](Send&) {};
  /// Told of every Work as it begins.
  std::function<void(std::size_t, const Work&)> on_work = [](std::size_t, const Work&) {};
  core::Instant now{};

  /// From now on connections have keys: whoever sends is known, and may show its proof.
  bool keyed = false;
  static core::Proof proof(std::size_t index) {
    core::Proof proof{};
    proof.fill(static_cast<std::byte>(index + 1));
    return proof;
  }
  static std::shared_ptr<const Caller> caller(std::size_t index) {
    return std::make_shared<const Caller>(Caller{{0, index + 1}, {proof(index)}});
  }

  Config config(std::size_t index) const {
    Config c;
    c.advertise = address(index);
    if (index > 0) c.join = {address(0)};
    c.exchange_every = 4;
    if (keyed) c.proof = proof(index);
    return c;
  }
  static Address address(std::size_t index) { return "p:" + std::to_string(index); }

  Peer& add(float x, Config config, std::string model = "quadratic:1") {
    peers.push_back(std::make_unique<Peer>(x, std::move(config), std::move(model)));
    start(peers.size() - 1, false);
    return *peers.back();
  }

  /// A fresh boot; `resume`: from the last checkpoint.
  void start(std::size_t index, bool resume) {
    peers[index]->start(now, {0, index + 1}, index, resume);
    carry_out(index);
  }

  /// Whoever is at the address of `index` now is one that does not answer.
  void take_over(std::size_t index) { taken_over_ = index; }

  void kill(std::size_t index) {
    peers[index]->dead = true;
    std::erase_if(events_, [index](const auto& e) { return e.second.to == index; });
  }

  /// Runs events in order of time until `done` or `limit` passes; true if `done`.
  bool run(
      core::Duration limit, const std::function<bool()>& done = [] { return false; }) {
    const core::Instant end = now + limit;
    while (!done()) {
      core::Instant next = end;
      if (!events_.empty()) next = std::min(next, events_.begin()->first);
      for (const auto& peer : peers) {
        if (!peer->dead && peer->machine->next_deadline())
          next = std::min(next, *peer->machine->next_deadline());
      }
      now = std::max(now, next);
      if (now >= end) return done();
      for (std::size_t i = 0; i < peers.size(); ++i) {
        if (peers[i]->dead) continue;
        peers[i]->machine->on_deadline(now);
        carry_out(i);
      }
      while (!events_.empty() && events_.begin()->first <= now) {
        Pending pending = std::move(events_.begin()->second);
        events_.erase(events_.begin());
        if (peers[pending.to]->dead) continue;
        Peer& peer = *peers[pending.to];
        if (pending.work) {
          pending.event =
              WorkDone{perform(*pending.work, *peer.replica, peer.storage, pool_), pending.takes};
        }
        peer.machine->handle(now, std::move(*pending.event));
        carry_out(pending.to);
      }
    }
    return true;
  }

  void inject(std::size_t to, Received message) { give_later(to, Event(std::move(message))); }
  void give_later(std::size_t to, Event event) {
    events_.emplace(now, Pending{to, std::move(event), {}, {}});
  }
  void give(std::size_t to, Event event) {
    peers[to]->machine->handle(now, std::move(event));
    carry_out(to);
  }

  [[nodiscard]] double sum() const {
    double total = 0;
    for (const auto& peer : peers) total += peer->replica->x;
    return total;
  }

  std::vector<std::unique_ptr<Peer>> peers;
  std::vector<Send> sent;
  std::vector<std::pair<std::size_t, Shun>> shuns;  ///< by whom

 private:
  struct Pending {
    std::size_t to = 0;
    std::optional<Event> event;
    std::optional<Work> work;
    core::Duration takes{0};
  };

  [[nodiscard]] core::Duration duration(const Work& work) const {
    if (std::holds_alternative<Save>(work)) return save_time;
    return std::holds_alternative<TakeSnapshot>(work) ? snapshot_time : work_time;
  }

  void carry_out(std::size_t index) {
    while (auto effect = peers[index]->machine->poll()) {
      if (auto* send = std::get_if<Send>(&*effect)) {
        alter(*send);
        sent.push_back(*send);
        const auto header = wire::peek(send->head, core::view(send->payload), 1 << 20);
        if (!delivers(*send, header->type)) continue;
        for (std::size_t to = 0; to < peers.size(); ++to) {
          if (address(to) != send->to || peers[to]->dead || taken_over_ == to) continue;
          events_.emplace(now + delay, Pending{to,
                                               Event(Received{send->head, send->payload, "p",
                                                              keyed ? caller(index) : nullptr}),
                                               {},
                                               {}});
        }
      } else if (auto* work = std::get_if<Work>(&*effect)) {
        on_work(index, *work);
        const core::Duration takes = duration(*work);
        events_.emplace(now + takes, Pending{index, {}, std::move(*work), takes});
      } else if (const auto* shun = std::get_if<Shun>(&*effect)) {
        shuns.emplace_back(index, *shun);
      } else {
        peers[index]->reports.push_back(std::get<Report>(*effect));
      }
    }
  }

  std::optional<std::size_t> taken_over_;
  std::multimap<core::Instant, Pending> events_;
  core::BufferPool pool_;
};

/// All that live have so many neighbours, and parameters.
inline bool linked(const Net& net, std::size_t neighbours) {
  for (const auto& peer : net.peers) {
    if (peer->dead) continue;
    if (peer->machine->status().neighbours != neighbours) return false;
    if (peer->machine->phase() == Phase::kJoining) return false;
  }
  return true;
}

}  // namespace murmur::gossip::test
