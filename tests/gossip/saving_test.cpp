// What reaches the storage, and what never may.
#include <algorithm>
#include <cmath>
#include <limits>

#include "gossip/machine.hpp"
#include "tests/catch.hpp"
#include "tests/gossip/pair.hpp"

namespace murmur::gossip::test {
namespace {

using namespace std::chrono_literals;

float saved_x(Peer& peer) {
  const auto checkpoint = split_checkpoint(**peer.storage.load());
  float x = 0;
  std::memcpy(&x, checkpoint->replica.data(), sizeof x);
  return x;
}

bool all_train(const Net& net) {
  return std::all_of(net.peers.begin(), net.peers.end(), [&](const auto& peer) {
    return peer->machine->status().neighbours == net.peers.size() - 1 &&
           peer->machine->phase() == Phase::kTraining;
  });
}

TEST_CASE("a peer that diverges says so and ends; nothing of it is saved, offered or given") {
  Net net;
  for (std::size_t i = 0; i < 3; ++i) {
    Config config = net.config(i);
    config.save_every = 5ms;
    net.add(1.0F, config);
  }
  REQUIRE(net.run(10s, [&] { return all_train(net); }));
  net.run(100ms);
  Peer& sick = *net.peers[1];
  // A newcomer is asking for its state just then.
  net.delivers = [](const Send& send, wire::Type type) {
    return type != wire::Type::kStateRequest || send.to == Net::address(1);
  };
  net.add(0.0F, net.config(3));
  const bool infinite = GENERATE(true, false);
  sick.replica->gradient = infinite ? std::numeric_limits<float>::infinity() : std::nanf("");
  const auto before = sick.machine->status().step;
  const bool failed = net.run(1s, [&] { return sick.machine->failure().has_value(); });
  CAPTURE(sick.replica->gradient, sick.replica->x, before, sick.machine->status().step,
          sick.machine->phase());
  REQUIRE(failed);
  const std::string why = *sick.machine->failure();
  CHECK(why.rfind("diverged at step " + std::to_string(sick.machine->status().step), 0) == 0);
  CHECK(why.find("training loss") != std::string::npos);
  CHECK(sick.machine->phase() == Phase::kDone);
  CHECK_FALSE(sick.machine->next_deadline());
  const auto last_said = std::find_if(net.sent.rbegin(), net.sent.rend(), [](const Send& send) {
    return wire::peek(send.head, core::view(send.payload), 1 << 20)->src == core::PeerId{0, 2};
  });
  REQUIRE(last_said != net.sent.rend());
  CHECK(wire::peek(last_said->head, {}, 0)->type == wire::Type::kBye);
  CHECK(std::isfinite(saved_x(sick)));
  net.run(5s);
  CHECK(std::isfinite(saved_x(sick)));
  for (const std::size_t other : {0, 2}) {
    CHECK(net.peers[other]->replica->x == Approx(1.0F));
    CHECK(net.peers[other]->machine->phase() == Phase::kTraining);
    CHECK_FALSE(net.peers[other]->machine->failure());
  }
  CHECK(std::isfinite(net.peers[3]->replica->x));
  // The last finite checkpoint resumes.
  net.delivers = [](const Send&, wire::Type) { return true; };
  sick.replica->gradient = 0;
  net.start(1, true);
  CHECK(net.run(5s, [&] { return all_train(net); }));
  CHECK(sick.replica->x == Approx(1.0F));
}

TEST_CASE("saving takes no more than its share of the lane, and a peer says so once") {
  Net net;
  net.save_time = 100ms;
  Config config = net.config(0);
  config.save_every = 10ms;
  Peer& peer = net.add(1.0F, config);
  net.run(20s);
  CHECK(peer.storage.saves <= 11);
  CHECK(peer.storage.saves >= 9);
  const auto notices = peer.reported<NoticeReport>();
  REQUIRE(notices.size() == 1);
  CHECK(notices.front().message == "a checkpoint takes 0.1 s: one every 2 s, not every 10ms");
}

TEST_CASE("saving leaves payloads no buffers of a checkpoint's size") {
  OneFloat replica(1.0F);
  core::MemoryStorage storage;
  core::BufferPool pool;
  const auto saved = perform(Save{core::Bytes(1000, std::byte{1})}, replica, storage, pool);
  CHECK(std::get<Saved>(saved).result);
  CHECK(pool.take().capacity() == 0);
}

TEST_CASE("a last checkpoint that fails is tried again") {
  Net net;
  Config config = net.config(0);
  config.save_every = 1h;
  config.steps_max = 100;
  Peer& peer = net.add(1.0F, config);
  peer.storage.failures = config.save_tries_max - 1;
  CHECK(net.run(30s, [&] { return peer.machine->phase() == Phase::kDone; }));
  CHECK(peer.storage.load()->has_value());
  CHECK(peer.machine->unsaved().empty());
}

TEST_CASE("a last checkpoint that keeps failing is given up, and the outcome says so") {
  Net net;
  Config config = net.config(0);
  config.save_every =
      GENERATE(core::Duration(1h), core::Duration(10ms));  // the second fails while training, too
  config.steps_max = 100;
  Peer& peer = net.add(1.0F, config);
  peer.storage.failures = 1000000;
  CHECK(net.run(30s, [&] { return peer.machine->phase() == Phase::kDone; }));
  CHECK(peer.machine->unsaved() == "disk full");
  CHECK_FALSE(peer.machine->failure());
  if (config.save_every == 1h) CHECK(peer.storage.saves == config.save_tries_max);
}

TEST_CASE("the last checkpoint holds what the replica is in the end") {
  Net net;
  for (std::size_t i = 0; i < 3; ++i) {
    Config config = net.config(i);
    config.save_every = 1h;
    config.steps_max = 300 + 100 * i;  // so that they agree one after the other
    net.add(1.0F, config);
    net.peers[i]->replica->gradient = 0.001F * static_cast<float>(i);
  }
  CHECK(net.run(60s, [&] {
    return std::all_of(net.peers.begin(), net.peers.end(),
                       [](const auto& p) { return p->machine->phase() == Phase::kDone; });
  }));
  for (const auto& peer : net.peers) CHECK(saved_x(*peer) == peer->replica->x);
}

}  // namespace
}  // namespace murmur::gossip::test
