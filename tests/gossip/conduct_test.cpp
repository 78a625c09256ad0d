// What a machine with a key does about members that misbehave, and how much it takes of each.
#include "gossip/conduct.hpp"

#include "tests/catch.hpp"
#include "tests/gossip/keyed.hpp"

namespace murmur::gossip {
namespace {

using namespace std::chrono_literals;
using test::is_up;
using test::Keyed;
using test::Net;
using test::rejected;
using test::type_of;
using test::was_told;
using test::What;

TEST_CASE_METHOD(Keyed, "who goes on sending what no honest peer does is shunned, and it is said") {
  REQUIRE(meet());
  Received broken = from_1(wire::Decline{{1, 1}, wire::DeclineReason::kBusy, 0});
  broken.head.back() ^= std::byte{1};
  for (int i = 0; i < 63; ++i) net.give(0, broken);
  CHECK(net.shuns.empty());
  CHECK(is_up(net, 0));
  net.give(0, broken);
  REQUIRE(net.shuns.size() == 1);
  CHECK(net.shuns[0].first == 0);
  CHECK(net.shuns[0].second.peer == core::PeerId{0, 2});
  CHECK(net.shuns[0].second.lasting == 60s);
  CHECK_FALSE(is_up(net, 0));
  CHECK(was_told(net, 0, What::kShunned));
  for (int i = 0; i < 64; ++i) net.give(0, broken);
  REQUIRE(net.shuns.size() == 2);
  CHECK(net.shuns[1].second.lasting == 120s);
}

TEST_CASE_METHOD(Keyed,
                 "what only its meaning shows to be wrong counts as what is malformed does") {
  REQUIRE(meet());
  SECTION("transfers that nobody asked for") {
    for (int i = 0; i < 64; ++i) {
      CHECK(net.shuns.empty());
      wire::Transfer transfer;
      transfer.id = {1, net.peers[0]->machine->edge({0, 2})->highest_seen().seq + 1};
      transfer.offer = {1, 1'000'000};
      transfer.weight = 0.5F;
      const auto payload = std::make_shared<const core::Bytes>(4);
      transfer.planes = wire::parameters(core::Codec::kFp32, payload);
      net.give(0, from_1(transfer, {0, 2}, 1, payload));
    }
    CHECK(rejected(net, 0, Reject::kUnasked) == 64);
  }
  SECTION("offers of a shard that there is not") {
    for (std::uint64_t i = 0; i < 64; ++i) {
      CHECK(net.shuns.empty());
      wire::Offer offer{{1, 1'000'000 + i}, 1, 0, {}};
      const auto payload = std::make_shared<const core::Bytes>(4);
      offer.planes = wire::parameters(core::Codec::kFp32, payload);
      net.give(0, from_1(offer, {0, 2}, 1, payload));
    }
    CHECK(rejected(net, 0, Reject::kShape) == 64);
  }
  SECTION("Resumes of what cannot have been") {
    net.give(0, from_1(hello(), {0, 2}, 2));
    for (int i = 0; i < 64; ++i) {
      CHECK(net.shuns.empty());
      wire::Resume resume{true, true, {}};
      resume.facts.created = {{2, 1'000'000}};
      net.give(0, from_1(resume, {0, 2}, 2));
    }
    CHECK(rejected(net, 0, Reject::kClaim) == 64);
  }
  REQUIRE(net.shuns.size() == 1);
  CHECK(net.shuns[0].second.peer == core::PeerId{0, 2});
}

TEST_CASE_METHOD(Keyed,
                 "what moves nothing is answered a few times a second, and a flood is shunned") {
  REQUIRE(meet());
  const auto answers = [&](wire::Type type) {
    return std::count_if(net.sent.begin(), net.sent.end(),
                         [type](const Send& send) { return type_of(send) == type; });
  };
  net.sent.clear();
  SECTION("Pings") {
    for (int i = 0; i < 6000; ++i) net.give(0, from_1(wire::Ping{}));
    CHECK(answers(wire::Type::kPong) > 100);
    CHECK(answers(wire::Type::kPong) <= 128);
    for (int i = 0; i < 1000; ++i) net.give(0, from_1(wire::Ping{}));
  }
  SECTION("offers that are declined, and the same again") {
    const auto payload = std::make_shared<const core::Bytes>(4);
    wire::Offer offer{{1, 0}, 0, 0, wire::parameters(core::Codec::kFp32, payload)};
    for (std::uint64_t i = 0; i < 7000; ++i) {
      offer.id = {1, 1'000'000 + i - i % 2};
      net.give(0, from_1(offer, {0, 2}, 1, payload));
    }
    CHECK(answers(wire::Type::kDecline) > 60);
    CHECK(answers(wire::Type::kDecline) <= 128);
    CHECK(answers(wire::Type::kTransfer) <= 3);
  }
  CHECK(rejected(net, 0, Reject::kFlood) > 6000);
  REQUIRE(net.shuns.size() == 1);
  CHECK(was_told(net, 0, What::kShunned));
}

TEST_CASE_METHOD(Keyed, "one that tells of later boots again and again is not believed each time") {
  REQUIRE(meet());
  const auto boot = [&] { return net.peers[0]->machine->self().boot; };
  const auto tell = [&](core::Boot own, core::Boot newest) {
    wire::Header header;
    header.schema = net.peers[0]->replica->schema().hash();
    header.src = {0, 2};
    header.src_boot = 1;
    header.dst = {0, 1};
    header.dst_boot = own;
    net.give(0, Received{wire::encode(header, wire::Refuse{0, newest, "older"}, {}), nullptr, "p",
                         Net::caller(1)});
    net.run(10ms);
  };
  for (int i = 0; i < 20; ++i) tell(boot(), boot());
  CHECK(boot() == 5);
  net.run(10s);
  for (int i = 0; i < 20; ++i) tell(boot(), boot());
  CHECK(boot() == 6);
  CHECK(net.run(10s, [&] { return is_up(net, 0); }));
}

TEST_CASE_METHOD(Keyed, "one whose Hellos are malformed is shunned, though few of them are heard") {
  REQUIRE(meet());
  wire::Hello bad = hello();
  bad.lineage_step = ~std::uint64_t{0};
  for (int i = 0; i < 16; ++i) net.give(0, from_1(bad));
  CHECK(net.shuns.size() == 1);
}

TEST_CASE_METHOD(Keyed, "whatever one says, it is told of twice a minute and kind") {
  REQUIRE(meet());
  for (int i = 0; i < 20; ++i) {
    net.give(0, from_1(wire::Refuse{0, 0, "reason " + std::to_string(i)}));
  }
  const auto reports = net.peers[0]->reported<PeerReport>();
  CHECK(std::count_if(reports.begin(), reports.end(), [](const PeerReport& report) {
          return report.what == What::kRefusedUs;
        }) == 2);
}

TEST_CASE_METHOD(Keyed, "one that starts anew again and again is not told of each time") {
  REQUIRE(meet());
  for (core::Boot boot = 2; boot < 30; ++boot) {
    net.give(0, from_1(hello(), {0, 2}, boot));
    net.give(0, from_1(wire::Resume{true, true, {}}, {0, 2}, boot));
    CHECK(is_up(net, 0));
  }
  const auto reports = net.peers[0]->reported<PeerReport>();
  CHECK(std::count_if(reports.begin(), reports.end(),
                      [](const PeerReport& report) { return report.what == What::kUp; }) <= 8);
}

TEST_CASE_METHOD(Keyed, "no more states are served to one than a newcomer may need") {
  REQUIRE(meet());
  const auto chunks = [&] {
    return std::count_if(net.sent.begin(), net.sent.end(),
                         [](const Send& send) { return type_of(send) == wire::Type::kStateChunk; });
  };
  const auto ask = [&] {
    net.sent.clear();
    net.give(0, from_1(wire::StateRequest{}));
    REQUIRE(net.run(5s, [&] { return chunks() > 0; }));
    for (int i = 0; i < 1000; ++i) net.give(0, from_1(wire::StateRequest{}));
    return chunks();
  };
  const auto at_once = ask();
  CHECK(at_once > 2);
  CHECK(at_once < 50);
  CHECK(rejected(net, 0, Reject::kFlood) > 950);
  net.run(20s);
  CHECK(ask() < at_once / 2);
}

TEST_CASE("an allowance is filled again, and the more slowly the worse the conduct") {
  Config config;
  Conduct conduct(config);
  const core::PeerId one{0, 1};
  const auto admitted = [&](core::Instant now) {
    std::size_t count = 0;
    while (conduct.admits(now, one, wire::Type::kHello)) ++count;
    return count;
  };
  core::Instant now = core::Instant(1h);
  CHECK(admitted(now) == 32);
  CHECK(admitted(now += 1s) == 8);
  CHECK(conduct.admits(now, one, wire::Type::kOffer));
  for (int i = 0; i < 8; ++i) CHECK_FALSE(conduct.dropped(now, one, Reject::kChecksum));
  CHECK(admitted(now += 1s) == 4);
  CHECK(conduct.score(now, one) > 7);
  CHECK(conduct.score(now + 100s, one) < 0.01);
  CHECK(admitted(now += 1h) == 32);
  for (const Reject honest : {Reject::kStaleBoot, Reject::kAddressee, Reject::kUnresumed,
                              Reject::kLineage, Reject::kOutOfTurn, Reject::kSwarm}) {
    for (int i = 0; i < 1000; ++i) CHECK_FALSE(conduct.dropped(now, one, honest));
  }
}

TEST_CASE("however many are met, so many are remembered") {
  Config config;
  Conduct conduct(config);
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    conduct.prove(core::Instant(std::chrono::seconds(i)), {1, i + 1});
    REQUIRE(conduct.size() <= config.known_max());
  }
  CHECK(conduct.proved({1, 10'000}));
  CHECK_FALSE(conduct.proved({1, 1}));
}

}  // namespace
}  // namespace murmur::gossip
