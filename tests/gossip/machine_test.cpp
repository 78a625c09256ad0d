#include "gossip/machine.hpp"

#include <cmath>
#include <map>
#include <set>

#include "tests/catch.hpp"
#include "tests/gossip/pair.hpp"

namespace murmur::gossip::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a newcomer copies its neighbour's parameters before its first step") {
  Net net;
  Peer& first = net.add(3.0F, net.config(0));
  Peer& second = net.add(-100.0F, net.config(1));
  CHECK(second.machine->phase() == Phase::kJoining);
  REQUIRE(net.run(5s, [&] { return second.machine->phase() == Phase::kTraining; }));
  CHECK(second.replica->x == 3.0F);
  CHECK(first.replica->x == 3.0F);
  CHECK(second.machine->status().step_adopted > 0);
}

TEST_CASE("a newcomer that finds nobody to copy from says so after join_max") {
  Net net;
  Config config = net.config(0);
  SECTION("because its contact never answers") { config.join = {Net::address(9)}; }
  SECTION("because its contact is looking for somebody too") {
    config.join = {Net::address(1)};
    net.add(0.0F, config);
    config = net.config(1);
  }
  const Peer& newcomer = net.add(0.0F, config);
  net.run(config.join_max - 1s);
  CHECK_FALSE(newcomer.machine->failure());
  net.run(6s);
  CHECK(newcomer.machine->failure());
}

TEST_CASE("a newcomer joins a contact that comes up late, and may take its time to copy") {
  Net net;
  net.delivers = [&net](const Send&, wire::Type) { return net.now > core::Instant(10s); };
  net.add(3.0F, net.config(0));
  const Peer& newcomer = net.add(0.0F, net.config(1));
  REQUIRE(net.run(20s, [&] { return newcomer.machine->phase() == Phase::kTraining; }));
  CHECK(newcomer.replica->x == 3.0F);
  net.run(60s);
  CHECK_FALSE(newcomer.machine->failure());
}

TEST_CASE("a donor's snapshot serves those who ask again and those who come after") {
  Net net;
  Config donor = net.config(0);
  donor.state_chunk = 1;  // four chunks of one float
  net.add(3.0F, donor);
  // Answers take longer than the first retry, and two copy at once.
  net.delay = 300ms;
  net.add(-1.0F, net.config(1));
  net.add(-2.0F, net.config(2));
  CHECK(net.run(60s, [&] {
    return net.peers[1]->machine->phase() == Phase::kTraining &&
           net.peers[2]->machine->phase() == Phase::kTraining;
  }));
}

TEST_CASE("newcomers who keep coming copy what the donor lately was") {
  Net net;
  // Only the first one gives its state.
  net.delivers = [](const Send& send, wire::Type type) {
    return type != wire::Type::kStateRequest || send.to == Net::address(0);
  };
  net.add(3.0F, net.config(0));
  for (std::size_t i = 1; i <= 6; ++i) {
    net.add(0.0F, net.config(i));
    net.run(6s);
  }
  const Status last = net.peers[6]->machine->status();
  CHECK(last.step_adopted > net.peers[0]->machine->status().step / 2);
}

TEST_CASE("a newcomer whose only donor dies half way says that there is nobody") {
  Net net;
  Config donor = net.config(0);
  donor.state_chunk = 1;
  net.add(3.0F, donor);
  Peer& newcomer = net.add(0.0F, net.config(1));
  int chunks = 0;
  net.delivers = [&chunks](const Send&, wire::Type type) {
    return type != wire::Type::kStateChunk || ++chunks < 3;
  };
  net.run(1s);
  net.peers[0]->dead = true;
  net.run(25s);
  CHECK_FALSE(newcomer.machine->failure());
  net.run(10s);
  CHECK(newcomer.machine->failure());
}

/// A Hello to peer 0 of its third boot; the header that it had.
wire::Header greet_as_stranger(Net& net, std::uint64_t number) {
  wire::Header header;
  header.schema = net.peers[0]->replica->schema().hash();
  header.src = {1000, number};
  header.src_boot = 3;
  wire::Hello hello;
  hello.address = "nowhere:" + std::to_string(number);
  net.inject(0, {wire::encode(header, hello, {}), nullptr, ""});
  return header;
}

TEST_CASE("strangers who only say Hello leave nothing behind") {
  Net net;
  Config config = net.config(0);
  config.links_max = 8;
  Peer& peer = net.add(0.0F, config);
  for (std::uint64_t i = 1; i <= 100; ++i) {
    greet_as_stranger(net, i);
    net.run(300ms);
  }
  CHECK(peer.machine->neighbours().size() <= 8);
  CHECK(peer.machine->edges().size() <= 8);
}

TEST_CASE(
    "strangers who claim that much was lost leave nothing behind when others take their place") {
  Net net;
  Config config = net.config(0);
  config.links_max = 8;
  net.add(0.0F, config);
  net.start(0, false);  // it may have lost something
  Peer& peer = *net.peers[0];
  for (std::uint64_t i = 1; i <= 100; ++i) {
    wire::Header header = greet_as_stranger(net, i);
    header.dst = peer.machine->self().id;
    header.dst_boot = peer.machine->self().boot;
    wire::Resume resume{true, true, {}};
    resume.facts.created = {{1, 5}, {2, 5}, {3, 5}};
    net.inject(0, {wire::encode(header, resume, {}), nullptr, ""});
    net.run(3s);
  }
  CHECK(peer.machine->counters().lost_here >= 15);
  CHECK(peer.machine->edges().size() <= 8);
}

TEST_CASE("a donor that brings next to nothing is left, and what it brought is kept") {
  Net net;
  Config donor = net.config(0);
  donor.state_chunk = 1;
  net.add(3.0F, donor);
  Peer& newcomer = net.add(0.0F, net.config(1));
  int copies = 0;
  core::Instant last{};
  net.delivers = [&](const Send& send, wire::Type type) {
    if (type == wire::Type::kStateRequest) {
      const auto header = wire::peek(send.head, core::view(send.payload), 1 << 20);
      copies +=
          std::get<wire::StateRequest>(*wire::parse(*header, send.head)).snapshot == 0 ? 1 : 0;
    }
    if (type != wire::Type::kStateChunk) return true;
    if (last != core::Instant{} && net.now - last < 5100ms) return false;
    last = net.now;
    return true;
  };
  net.run(5s);
  CHECK(copies == 1);
  net.run(10s);
  CHECK(copies > 1);
  CHECK(net.run(20s, [&] { return newcomer.machine->phase() == Phase::kTraining; }));
  CHECK(newcomer.replica->x == 3.0F);
}

TEST_CASE("training waits for company, but not for ever") {
  Net net;
  Config config = net.config(0);
  config.wait_for = 1;
  net.add(1.0F, config);
  net.run(2s);
  CHECK(net.peers[0]->machine->status().step == 0);
  net.add(0.0F, net.config(1));
  net.run(2s);
  CHECK(net.peers[0]->machine->status().step > 0);
  Net lonely;
  lonely.add(1.0F, config);
  lonely.run(11s);
  CHECK(lonely.peers[0]->machine->status().step > 0);
}

TEST_CASE("peers that join one member learn of each other") {
  Net net;
  for (std::size_t i = 0; i < 5; ++i) net.add(1.0F, net.config(i));
  CHECK(net.run(10s, [&] { return linked(net, 4); }));
}

TEST_CASE("crossed offers average the pair instead of swapping it") {
  Net net;
  for (std::size_t i = 0; i < 2; ++i) {
    Config config = net.config(i);
    config.staleness.kind = StalenessPolicy::Kind::kConstant;
    net.add(0.0F, config);
  }
  REQUIRE(net.run(10s, [&] { return linked(net, 1); }));
  // An offer is longer under way than there lies between two, so that each side makes one before
  // it hears the other's.
  net.delay = 10ms;
  net.peers[0]->replica->x = 10.0F;
  net.run(100ms);
  const Counters& lower = net.peers[0]->machine->counters();
  const Counters& higher = net.peers[1]->machine->counters();
  CHECK(lower.declines_sent > 0);
  CHECK(higher.offers_withdrawn > 0);
  CHECK(lower.offers_withdrawn == 0);
  CHECK(higher.declines_sent == 0);
  CHECK(net.peers[0]->replica->x == Approx(5.0F));
  CHECK(net.peers[1]->replica->x == Approx(5.0F));
}

TEST_CASE("offers in flight go to distinct neighbours, as many as are allowed") {
  constexpr std::size_t kPeers = 7;
  Net net;
  net.delivers = [](const Send&, wire::Type type) { return type != wire::Type::kOffer; };
  for (std::size_t i = 0; i < kPeers; ++i) {
    Config config = net.config(i);
    config.wait_for = kPeers - 1;
    net.add(0.0F, config);
  }
  REQUIRE(net.run(10s, [&] { return linked(net, kPeers - 1); }));
  net.run(300ms);  // less than what an offer waits for its answer while none has come yet
  std::map<core::PeerId, std::multiset<Address>> asked;
  for (const Send& send : net.sent) {
    const auto header = wire::peek(send.head, core::view(send.payload), 1 << 20);
    if (header->type == wire::Type::kOffer) asked[header->src].insert(send.to);
  }
  REQUIRE(asked.size() == kPeers);
  for (const auto& [peer, addresses] : asked) {
    CHECK(addresses.size() == Config().offers_max);
    CHECK(std::set<Address>(addresses.begin(), addresses.end()).size() == addresses.size());
  }
}

TEST_CASE("neighbours that answer no offer do not take the turns of those that do") {
  const auto exchanges = [](std::size_t mute) {
    constexpr std::size_t kGood = 3;
    Net net;
    net.delivers = [](const Send& send, wire::Type type) {
      if (type != wire::Type::kOffer) return true;
      const auto header = wire::peek(send.head, core::view(send.payload), 1 << 20);
      return header->src.low <= kGood && send.to < Net::address(kGood);
    };
    for (std::size_t i = 0; i < kGood + mute; ++i) net.add(0.0F, net.config(i));
    CHECK(net.run(10s, [&] { return linked(net, kGood + mute - 1); }));
    const auto count = [&] { return net.peers[0]->machine->counters().transfers_applied; };
    const std::uint64_t before = count();
    net.run(20s);
    return count() - before;
  };
  CHECK(static_cast<double>(exchanges(6)) > 0.75 * static_cast<double>(exchanges(0)));
}

TEST_CASE("training goes on while every message is lost") {
  Net net;
  net.add(0.0F, net.config(0));
  net.add(0.0F, net.config(1));
  REQUIRE(net.run(10s, [&] { return linked(net, 1); }));
  net.delivers = [](const Send&, wire::Type) { return false; };
  const auto before = net.peers[0]->machine->status().step;
  net.run(5s);
  CHECK(net.peers[0]->machine->status().step > before + 500);
  CHECK(net.peers[0]->machine->status().neighbours == 0);
  net.delivers = [](const Send&, wire::Type) { return true; };
  CHECK(net.run(40s, [&] { return linked(net, 1); }));
}

TEST_CASE(
    "a peer killed and resumed from its checkpoint loses at most what came after it, and says so") {
  Net net;
  Config config = net.config(0);
  config.save_every = 200ms;
  net.add(0.0F, config);
  Config other = net.config(1);
  other.save_every = 200ms;
  net.add(0.0F, other);
  REQUIRE(net.run(10s, [&] { return linked(net, 1); }));
  net.run(1s);
  const auto saved = net.peers[1]->reported<SaveReport>();
  REQUIRE_FALSE(saved.empty());
  net.run(150ms);
  net.kill(1);
  net.run(500ms);
  net.start(1, true);
  CHECK(net.peers[1]->machine->self().boot == 2);
  CHECK(net.peers[1]->machine->status().step >= saved.back().step);
  REQUIRE(net.run(10s, [&] { return linked(net, 1); }));
  net.run(1s);
  const Counters& a = net.peers[0]->machine->counters();
  const Counters& b = net.peers[1]->machine->counters();
  // With a checkpoint 150 ms old and an exchange every few ms, something was lost, and both know.
  CHECK(a.lost_there + b.lost_here > 0);
}

TEST_CASE(
    "a peer with another model is refused with a message on both sides, and trains on alone") {
  Net net;
  net.add(0.0F, net.config(0));
  net.add(0.0F, net.config(1), "quadratic:2");
  net.run(2s);
  const auto said = [&](std::size_t i, PeerReport::What what) {
    for (const PeerReport& r : net.peers[i]->reported<PeerReport>()) {
      if (r.what == what) return r.message;
    }
    return std::string();
  };
  CHECK(said(0, PeerReport::What::kRefused) == "model 'quadratic:1' here, 'quadratic:2' there");
  CHECK(said(1, PeerReport::What::kRefusedUs) == "model 'quadratic:2' here, 'quadratic:1' there");
  CHECK(net.peers[1]->machine->failure() ==
        "every contact refused this peer: model 'quadratic:2' here, 'quadratic:1' there");
  CHECK(net.peers[0]->machine->status().step > 100);
}

TEST_CASE("peers settle, linger until all have, and end") {
  Net net;
  for (std::size_t i = 0; i < 4; ++i) {
    Config config = net.config(i);
    config.steps_max = 500;
    net.add(1.0F, config);
  }
  net.run(200ms);
  const bool done = net.run(60s, [&] {
    for (const auto& peer : net.peers) {
      if (peer->machine->phase() != Phase::kDone) return false;
    }
    return true;
  });
  REQUIRE(done);
  for (const auto& peer : net.peers) {
    CHECK(peer->machine->status().step == 500);
    CHECK(peer->replica->x == Approx(net.peers[0]->replica->x).epsilon(1e-3));
  }
}

TEST_CASE("one that trains on does not draw those that have ended training") {
  Net net;
  for (std::size_t i = 0; i < 3; ++i) {
    Config config = net.config(i);
    if (i < 2) config.steps_max = 500;
    net.add(1.0F, config);
  }
  const auto ended = [&](Phase at_least) {
    return net.peers[0]->machine->phase() >= at_least && net.peers[1]->machine->phase() >= at_least;
  };
  REQUIRE(net.run(20s, [&] { return ended(Phase::kSettling); }));
  net.run(100ms);  // what was under way
  net.peers[2]->replica->gradient = 1;
  CHECK(net.run(60s, [&] { return ended(Phase::kDone); }));
  CHECK(net.peers[2]->replica->x > 1000);
  CHECK(std::abs(net.peers[0]->replica->x - 1) < 0.01F);
  CHECK(std::abs(net.peers[1]->replica->x - 1) < 0.01F);
}

TEST_CASE("a peer alone ends by itself") {
  Net net;
  Config config = net.config(0);
  config.steps_max = 100;
  Peer& peer = net.add(1.0F, config);
  CHECK(net.run(10s, [&] { return peer.machine->phase() == Phase::kDone; }));
}

TEST_CASE("a value that is not a number is declined, and harms nobody") {
  Net net;
  net.add(0.0F, net.config(0));
  net.add(0.0F, net.config(1));
  REQUIRE(net.run(10s, [&] { return linked(net, 1); }));
  net.peers[0]->replica->x = std::nanf("");
  net.run(2s);
  CHECK(net.peers[1]->replica->x == 0.0F);
}

TEST_CASE("a frame of an older boot, for another boot or from a stranger is counted and dropped") {
  Net net;
  net.add(0.0F, net.config(0));
  net.add(0.0F, net.config(1));
  REQUIRE(net.run(10s, [&] { return linked(net, 1); }));
  wire::Header header;
  header.schema = net.peers[0]->replica->schema().hash();
  header.src = net.peers[1]->machine->self().id;
  header.src_boot = 1;
  header.dst = net.peers[0]->machine->self().id;
  header.dst_boot = 9;
  const auto rejected = [&](Reject reason) {
    return net.peers[0]->machine->counters().rejected[static_cast<std::size_t>(reason)];
  };
  const auto throw_at = [&](const wire::Header& h) {
    net.inject(0, {wire::encode(h, wire::Void{{1, 1000}}, {}), nullptr, ""});
    net.run(1ms);
  };
  const auto before = rejected(Reject::kAddressee);
  throw_at(header);
  CHECK(rejected(Reject::kAddressee) == before + 1);
  header.dst_boot = 1;
  header.src = {77, 77};
  throw_at(header);
  CHECK(rejected(Reject::kUnknown) == 1);
  CHECK(net.peers[0]->machine->edge({77, 77}) == nullptr);
}

}  // namespace
}  // namespace murmur::gossip::test
