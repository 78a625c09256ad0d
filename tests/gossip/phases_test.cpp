#include "gossip/phases.hpp"

#include <algorithm>

#include "tests/catch.hpp"
#include "tests/gossip/pair.hpp"

namespace murmur::gossip::test {
namespace {

using namespace std::chrono_literals;

std::vector<Phase> phases_of(const Peer& peer) {
  std::vector<Phase> phases;
  for (const PhaseReport& report : peer.reported<PhaseReport>()) phases.push_back(report.phase);
  return phases;
}

const std::vector<Phase> kAll{Phase::kTraining, Phase::kSettling, Phase::kLingering, Phase::kDone};

bool all_train(const Net& net) {
  return std::all_of(net.peers.begin(), net.peers.end(), [&](const auto& peer) {
    return peer->machine->status().neighbours == net.peers.size() - 1 &&
           peer->machine->phase() == Phase::kTraining;
  });
}

TEST_CASE("a peer alone that is stopped ends, after a last checkpoint") {
  Net net;
  Config config = net.config(0);
  config.save_every = 1h;
  Peer& peer = net.add(1.0F, config);
  net.run(100ms);
  const bool at_once = GENERATE(false, true);
  net.give(0, Stop{at_once});
  CHECK(net.run(100ms, [&] { return peer.machine->phase() == Phase::kDone; }));
  CHECK(peer.storage.load()->has_value());
  CHECK_FALSE(peer.machine->failure());
}

TEST_CASE("a stopped fleet settles before it ends") {
  Net net;
  for (std::size_t i = 0; i < 4; ++i) net.add(0.0F, net.config(i));
  REQUIRE(net.run(10s, [&] { return all_train(net); }));
  for (std::size_t i = 0; i < 4; ++i) {
    net.peers[i]->replica->x = 1.0F + 0.1F * static_cast<float>(i);
    net.give(i, Stop{});
  }
  CHECK(net.run(15s, [&] {
    return std::all_of(net.peers.begin(), net.peers.end(),
                       [](const auto& p) { return p->machine->phase() == Phase::kDone; });
  }));
  for (const auto& peer : net.peers) {
    CHECK(phases_of(*peer) == kAll);
    CHECK(peer->replica->x == Approx(1.15F).epsilon(1e-3));
  }
}

TEST_CASE(
    "a peer stopped alone settles no longer than settle_max and lingers no longer than linger") {
  Net net;
  Config config = net.config(1);
  config.settle_max = 1s;
  config.linger = 2s;
  net.add(0.0F, net.config(0));
  Peer& peer = net.add(0.0F, config);
  REQUIRE(net.run(10s, [&] { return all_train(net); }));
  net.give(1, Stop{});
  net.run(900ms);
  CHECK(peer.machine->phase() == Phase::kSettling);
  net.run(1s);
  CHECK(peer.machine->phase() == Phase::kLingering);
  CHECK(net.run(1200ms, [&] { return peer.machine->phase() == Phase::kDone; }));
}

TEST_CASE("a second stop ends a peer that settles or lingers at once, after a last checkpoint") {
  Net net;
  Config config = net.config(1);
  config.save_every = 1h;
  net.add(0.0F, net.config(0));
  Peer& peer = net.add(0.0F, config);
  REQUIRE(net.run(10s, [&] { return all_train(net); }));
  net.give(1, Stop{});
  const core::Duration meanwhile = GENERATE(1s, 7s);
  net.run(meanwhile);
  CHECK(peer.machine->phase() == (meanwhile < 5s ? Phase::kSettling : Phase::kLingering));
  net.give(1, Stop{true});
  CHECK(net.run(10ms, [&] { return peer.machine->phase() == Phase::kDone; }));
  CHECK(phases_of(peer).back() == Phase::kDone);
  CHECK(peer.storage.load()->has_value());
}

TEST_CASE("a stop while joining ends the run, which came to nothing") {
  Net net;
  Config config = net.config(1);
  config.save_every = 1h;
  config.join = {Net::address(9)};
  Peer& peer = net.add(0.0F, config);
  net.run(1s);
  net.give(0, Stop{});
  CHECK(peer.machine->phase() == Phase::kDone);
  CHECK(peer.machine->failure() == "stopped before it had any parameters");
  CHECK(phases_of(peer) == std::vector<Phase>{Phase::kDone});
  CHECK_FALSE(peer.storage.load()->has_value());
}

TEST_CASE("a stop while adopting enters each phase once and in order") {
  Net net;
  net.add(3.0F, net.config(0));
  Peer& peer = net.add(0.0F, net.config(1));
  net.on_work = [&net](std::size_t index, const Work& work) {
    if (index == 1 && std::holds_alternative<Adopt>(work)) net.give_later(1, Stop{});
  };
  CHECK(net.run(20s, [&] { return peer.machine->phase() == Phase::kDone; }));
  CHECK(phases_of(peer) == kAll);
  CHECK(peer.replica->x == 3.0F);
  CHECK_FALSE(peer.machine->failure());
}

TEST_CASE("halves that do not meet again say who was missing") {
  Net net;
  for (std::size_t i = 0; i < 4; ++i) {
    Config config = net.config(i);
    config.steps_max = 6000;
    net.add(1.0F, config);
  }
  REQUIRE(net.run(10s, [&] { return all_train(net); }));
  const auto half_of = [](const Address& address) {
    return address == Net::address(0) || address == Net::address(1);
  };
  net.delivers = [&](const Send& send, wire::Type) {
    const auto header = wire::peek(send.head, core::view(send.payload), 1 << 20);
    return half_of(send.to) == (header->src.low <= 2);
  };
  REQUIRE(net.run(60s, [&] {
    return std::all_of(net.peers.begin(), net.peers.end(),
                       [](const auto& p) { return p->machine->phase() == Phase::kDone; });
  }));
  for (std::size_t i = 0; i < 4; ++i) {
    const std::string message = net.peers[i]->reported<PhaseReport>().back().message;
    CAPTURE(message);
    CHECK(message.rfind("ended at step 6000 without ", 0) == 0);
    CHECK(message.find(core::short_name({0, i < 2 ? 3U : 1U}) + " (training at step ") !=
          std::string::npos);
    CHECK(message.find("silent for ") != std::string::npos);
    CHECK(message.find(" away") != std::string::npos);
  }
}

TEST_CASE("a neighbour that trains on is named by those that leave it, and says that they left") {
  Net net;
  for (std::size_t i = 0; i < 3; ++i) {
    Config config = net.config(i);
    config.steps_max = i < 2 ? 500 : 80'000;
    net.add(1.0F, config);
  }
  REQUIRE(net.run(90s, [&] {
    return std::all_of(net.peers.begin(), net.peers.end(),
                       [](const auto& p) { return p->machine->phase() == Phase::kDone; });
  }));
  const std::string left = net.peers[0]->reported<PhaseReport>().back().message;
  CHECK(left.rfind("ended at step 500 without " + core::short_name({0, 3}) + " (training at step ",
                   0) == 0);
  const auto phases = net.peers[2]->reported<PhaseReport>();
  CHECK(phases[phases.size() - 2].message == "settled with nobody: 2 peers had left");
}

TEST_CASE(
    "when another ends training, those that linger look whether they still agree, and stay on") {
  Net net;
  net.work_time = 100us;
  for (std::size_t i = 0; i < 5; ++i) {
    Config config = net.config(i);
    config.steps_max = i < 4 ? 500 : 4000;
    net.add(1.0F, config);
  }
  Peer& straggler = *net.peers.back();
  REQUIRE(net.run(60s, [&] { return straggler.machine->phase() == Phase::kSettling; }));
  const core::Instant began = net.now;
  const std::size_t before = net.peers[0]->reported<ExchangeReport>().size();
  CHECK(net.peers[0]->machine->phase() == Phase::kLingering);
  REQUIRE(net.run(60s, [&] { return net.peers[0]->machine->phase() == Phase::kDone; }));
  CHECK(net.now - began > 50ms);
  CHECK(net.peers[0]->reported<ExchangeReport>().size() >= before + 3);
}

TEST_CASE("peers that all come to their end have nobody to miss") {
  Net net;
  for (std::size_t i = 0; i < 3; ++i) {
    Config config = net.config(i);
    config.steps_max = 500;
    net.add(1.0F, config);
  }
  REQUIRE(net.run(60s, [&] {
    return std::all_of(net.peers.begin(), net.peers.end(),
                       [](const auto& p) { return p->machine->phase() == Phase::kDone; });
  }));
  for (const auto& peer : net.peers) {
    for (const PhaseReport& report : peer->reported<PhaseReport>()) CHECK(report.message.empty());
  }
}

}  // namespace
}  // namespace murmur::gossip::test
