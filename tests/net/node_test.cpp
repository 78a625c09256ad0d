#include "net/node.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>

#include "core/key_files.hpp"
#include "gossip/wire.hpp"
#include "net/transport.hpp"
#include "net/wake_event.hpp"
#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"
#include "tests/net/test_peer.hpp"

using namespace murmur;
using namespace std::chrono_literals;
using test::TestPeer;
using What = gossip::PeerReport::What;

namespace {

bool reported(const TestPeer::Seen& seen, What what, core::PeerId about) {
  return std::any_of(seen.peers.begin(), seen.peers.end(), [&](const gossip::PeerReport& report) {
    return report.what == what && (!about || report.peer == about);
  });
}

/// A folder with a swarm's key.
struct Keyring {
  Keyring() { REQUIRE(core::create_swarm_key(dir / "key", kKey)); }
  [[nodiscard]] net::NodeConfig place() const {
    net::NodeConfig place;
    place.keys = {dir / "key"};
    return place;
  }
  static constexpr core::SwarmKey kKey{{1, 2, 3}};
  testing::TempDir dir;
};

/// The largest |x_i - x_j| of any element and pair.
double disagreement(const std::deque<TestPeer>& peers) {
  double most = 0;
  for (const TestPeer& a : peers) {
    for (const TestPeer& b : peers) {
      for (std::size_t i = 0; i < a.replica.x().size(); ++i) {
        most = std::max(most, std::abs(double{a.replica.x()[i]} - double{b.replica.x()[i]}));
      }
    }
  }
  return most;
}

}  // namespace

TEST_CASE("peers that join one of them train, agree in the end, and conserve their sum") {
  const int count = GENERATE(2, 3, 4);
  const bool keyed = GENERATE(false, true);
  CAPTURE(count, keyed, test::kSeed);
  const Keyring keyring;
  std::deque<TestPeer> peers;
  for (int i = 0; i < count; ++i) {
    peers.emplace_back(i, 1000, 256, keyed ? keyring.place() : net::NodeConfig());
  }
  gossip::Config config = TestPeer::config();
  config.steps_max = 40'000;
  peers[0].replica.hold();  // it would be done before the others have found it
  peers[0].start(config);
  for (int i = 1; i < count; ++i) peers[i].start(config, {peers[0].address()});
  const bool met = peers[0].wait([&](const auto& seen) {
    return seen.status.neighbours == static_cast<std::size_t>(count) - 1;
  });
  peers[0].replica.let_go();
  REQUIRE(met);
  double mean = 0;
  double put_in = 0;
  for (TestPeer& peer : peers) {
    const net::Outcome& outcome = peer.outcome();
    REQUIRE(outcome.result.has_value());
    CHECK(outcome.status.phase == gossip::Phase::kDone);
    CHECK(outcome.status.step == 40'000);
    CHECK(outcome.status.exchanges > 0);
    CHECK(outcome.counters.lost_here + outcome.counters.lost_there == 0);
    mean += peer.replica.mean();
    put_in += peer.replica.put_in();
  }
  CHECK(disagreement(peers) < 0.02);  // their centres are 1 apart
  CHECK(mean == Approx(put_in).epsilon(1e-4));
}

TEST_CASE("a peer that dies comes back under its key, at once and at its old address") {
  CAPTURE(test::kSeed);
  const Keyring keyring;
  TestPeer first(0, 1000, 256, keyring.place());
  first.start(TestPeer::config());
  auto second = std::make_unique<TestPeer>(1, 1000, 256, keyring.place());
  second->start(TestPeer::config(), {first.address()});
  REQUIRE(second->wait_for_exchanges(10));
  net::NodeConfig same = keyring.place();
  same.listen = second->address();
  second->die();
  second = std::make_unique<TestPeer>(1, 1000, 256, same);
  second->identity.boot = 2;
  second->start(TestPeer::config(), {first.address()});
  CHECK(second->wait_for_exchanges(10));
  CHECK(first.wait_for_exchanges(10));
  second->stop();
  first.stop();
  CHECK(second->outcome().result.has_value());
  CHECK(first.outcome().result.has_value());
}

TEST_CASE(
    "a member that lies speaks for nobody else, is named and shunned, and harms no exchange") {
  CAPTURE(test::kSeed);
  const Keyring keyring;
  std::deque<TestPeer> peers;
  for (int i = 0; i < 2; ++i) peers.emplace_back(i, 1000, 256, keyring.place());
  peers[0].start(TestPeer::config());
  peers[1].start(TestPeer::config(), {peers[0].address()});
  REQUIRE(peers[1].wait_for_exchanges(10));

  const core::KeyPair keys = TestPeer::key_pair(66);
  const core::PeerId liar = core::peer_id(keys.shown);
  auto transport = net::Transport::open({"127.0.0.1", 0}, {{Keyring::kKey}, std::nullopt}).value();
  transport->call_as(keys);
  net::WakeEvent wake;
  gossip::wire::Hello hello;
  hello.wants_reply = true;
  hello.address = net::to_string(transport->bound());
  hello.model = peers[0].replica.schema().model();
  hello.proof = core::membership_proof(Keyring::kKey, keys.shown);
  const auto send = [&](core::PeerId src, const gossip::wire::Body& body) {
    const core::Instant now(std::chrono::steady_clock::now().time_since_epoch());
    gossip::wire::Header header;
    header.schema = peers[0].replica.schema().hash();
    header.swarm = core::swarm_id(Keyring::kKey);
    header.src = src;
    header.src_boot = 1;
    header.dst = peers[0].identity.id;
    header.dst_boot = 1;
    REQUIRE(transport->tend(now));
    while (transport->receive()) {
    }
    transport->send(now, peers[0].address(), gossip::wire::encode(header, body, {}), nullptr);
    transport->wait(wake.fd(), 1);
  };
  // Under its own name it is a member as any other, with whom there is a link.
  send(liar, hello);
  const auto forged = [](const TestPeer::Seen& seen) {
    return seen.counters.rejected[static_cast<std::size_t>(gossip::Reject::kForged)];
  };
  const auto give_up = std::chrono::steady_clock::now() + 20s;
  while (!reported(peers[0].now(), What::kShunned, liar)) {
    REQUIRE(std::chrono::steady_clock::now() < give_up);
    send(peers[1].identity.id, gossip::wire::Bye{});
    send(peers[1].identity.id, hello);
  }
  // Half of them are Hellos, which count four times.
  CHECK(peers[0].wait([&](const auto& seen) { return forged(seen) >= 24; }));
  CHECK(peers[0].wait_for_exchanges(20));
  const auto seen = peers[0].now();
  CHECK(forged(seen) <= 200);  // what comes after is not even looked at
  CHECK_FALSE(reported(seen, What::kLeft, {}));
  CHECK_FALSE(reported(seen, What::kRefused, peers[1].identity.id));
  CHECK(std::count_if(seen.peers.begin(), seen.peers.end(),
                      [&](const auto& report) { return report.what == What::kShunned; }) == 1);
  for (TestPeer& peer : peers) peer.stop();
  for (TestPeer& peer : peers) CHECK(peer.outcome().result.has_value());
}

TEST_CASE("a peer that dies without a goodbye does not hold up the others") {
  CAPTURE(test::kSeed);
  std::deque<TestPeer> peers;
  for (int i = 0; i < 3; ++i) peers.emplace_back(i, 1000);
  peers[0].start(TestPeer::config());
  peers[1].start(TestPeer::config(), {peers[0].address()});
  peers[2].start(TestPeer::config(), {peers[0].address()});
  for (TestPeer& peer : peers) {
    REQUIRE(peer.wait([](const auto& seen) { return seen.status.neighbours == 2; }));
    REQUIRE(peer.wait_for_exchanges(10));
  }
  peers[2].die();
  CHECK_FALSE(peers[2].outcome().result.has_value());
  for (int i = 0; i < 2; ++i) {
    CHECK(peers[i].wait_for_exchanges(50));
    CHECK(peers[i].wait([&](const auto& seen) {
      return seen.status.neighbours == 1 && reported(seen, What::kSilent, peers[2].identity.id);
    }));
    CHECK(peers[i].wait_for_exchanges(50));
  }
  for (int i = 0; i < 2; ++i) peers[i].stop();
  for (int i = 0; i < 2; ++i) CHECK(peers[i].outcome().result.has_value());
}

TEST_CASE("a peer that joins late copies a neighbour's state before its first step") {
  CAPTURE(test::kSeed);
  TestPeer first(0, 100'000, 32'768);  // a state of several chunks
  first.start(TestPeer::config());
  REQUIRE(first.wait([](const auto& seen) { return seen.status.step > 200; }));
  TestPeer late(1, 100'000, 32'768);
  late.start(TestPeer::config(), {first.address()});
  CHECK(late.wait([](const auto& seen) { return seen.status.step_adopted > 200; }));
  CHECK(late.wait_for_exchanges(5));
  first.stop();
  late.stop();
  CHECK(first.outcome().result.has_value());
  CHECK(late.outcome().result.has_value());
}

TEST_CASE("a peer with another model is refused on both sides, and neither is harmed") {
  CAPTURE(test::kSeed);
  std::deque<TestPeer> peers;
  for (int i = 0; i < 2; ++i) peers.emplace_back(i, 1000);
  peers[0].start(TestPeer::config());
  peers[1].start(TestPeer::config(), {peers[0].address()});
  REQUIRE(peers[0].wait_for_exchanges(5));

  TestPeer other(2, 999);
  other.start(TestPeer::config(), {peers[0].address()});
  const net::Outcome& refused = other.outcome();
  REQUIRE_FALSE(refused.result.has_value());
  CHECK(refused.result.error().message ==
        "every contact refused this peer: model 'quadratic:999' here, 'quadratic:1000' there");
  CHECK(other.replica.put_in() == 3);  // untouched: it has no other model's state
  CHECK(peers[0].wait(
      [&](const auto& seen) { return reported(seen, What::kRefused, other.identity.id); }));
  CHECK(peers[0].wait_for_exchanges(20));
  CHECK(peers[1].wait_for_exchanges(20));
}

TEST_CASE("a peer whose contacts never answer ends and names them") {
  const TestPeer deaf(0, 10);  // bound, but nothing runs there
  TestPeer newcomer(1, 10);
  gossip::Config config = TestPeer::config();
  config.join_max = std::chrono::milliseconds(100);
  newcomer.start(config, {deaf.address()});
  const net::Outcome& outcome = newcomer.outcome();
  REQUIRE_FALSE(outcome.result.has_value());
  CHECK(outcome.result.error().message ==
        "found nobody to copy the parameters from within 100ms at " + deaf.address());
}

TEST_CASE("a peer alone trains to its end and stops when asked") {
  gossip::Config config = TestPeer::config();
  config.steps_max = 1000;
  TestPeer alone(0, 100);
  alone.start(config);
  CHECK(alone.outcome().result.has_value());
  CHECK(alone.outcome().status.step == 1000);

  TestPeer stopped(1, 100);
  stopped.stop();  // before the run: it ends as soon as it has begun
  stopped.start(TestPeer::config());
  CHECK(stopped.outcome().result.has_value());
  CHECK(stopped.outcome().status.phase == gossip::Phase::kDone);
}

TEST_CASE("a contact that cannot be looked up is named") {
  TestPeer peer(0, 100);
  peer.start(TestPeer::config(), {"no-such-host.invalid:7000"});
  REQUIRE_FALSE(peer.outcome().result.has_value());
  CHECK(peer.outcome().result.error().message.find("no-such-host.invalid:7000") !=
        std::string::npos);
}

TEST_CASE("a replica that throws ends the run with what it said") {
  TestPeer peer(0, 100);
  peer.replica.break_down();
  peer.start(TestPeer::config());
  REQUIRE_FALSE(peer.outcome().result.has_value());
  CHECK(peer.outcome().result.error().message == "the replica failed: the test broke it");
}

TEST_CASE("saved bytes that are not a state end the run before it starts") {
  TestPeer peer(0, 100);
  auto node = net::Node::open({}).value();
  const net::Outcome outcome =
      node->run(peer.replica, peer.storage, TestPeer::config(), peer.identity,
                core::Bytes(3, std::byte{7}), core::Rng(1), nullptr, nullptr);
  CHECK_FALSE(outcome.result.has_value());
}
