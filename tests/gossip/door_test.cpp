// What a machine makes of connections that have keys: whom it listens to, and what it says to whom.
#include <map>
#include <set>

#include "gossip/conduct.hpp"
#include "tests/catch.hpp"
#include "tests/gossip/pair.hpp"

namespace murmur::gossip {
namespace {

using namespace std::chrono_literals;
using test::Net;
using What = PeerReport::What;

wire::Type type_of(const Send& send) {
  return wire::peek(send.head, core::view(send.payload), 1 << 20)->type;
}
std::uint64_t rejected(const Net& net, std::size_t peer, Reject reason) {
  return net.peers[peer]->machine->counters().rejected[static_cast<std::size_t>(reason)];
}
bool is_up(const Net& net, std::size_t peer) {
  return net.peers[peer]->machine->status().neighbours > 0;
}
bool was_told(const Net& net, std::size_t peer, What what) {
  const auto reports = net.peers[peer]->reported<PeerReport>();
  return std::any_of(reports.begin(), reports.end(),
                     [what](const PeerReport& report) { return report.what == what; });
}

struct Keyed {
  Keyed() {
    net.keyed = true;
    for (std::size_t i = 0; i < 2; ++i) net.add(static_cast<float>(i), net.config(i));
  }
  [[nodiscard]] bool meet() {
    return net.run(5s, [this] {
      return is_up(net, 0) && is_up(net, 1) && net.peers[0]->machine->status().exchanges > 4;
    });
  }
  /// A message as peer 1 would send it to peer 0, of `body`, that `say` may change.
  Received from_1(const wire::Body& body, core::PeerId src = {0, 2}, core::Boot boot = 1,
                  const core::Payload& payload = nullptr) {
    wire::Header header;
    header.schema = net.peers[0]->replica->schema().hash();
    header.lineage = net.peers[0]->machine->status().lineage;
    header.src = src;
    header.src_boot = boot;
    header.dst = {0, 1};
    header.dst_boot = 1;
    header.payload_size = static_cast<std::uint32_t>(core::view(payload).size());
    return {wire::encode(header, body, core::view(payload)), payload, "p", Net::caller(1)};
  }
  static wire::Hello hello() {
    wire::Hello hello;
    hello.wants_reply = true;
    hello.nonce = 77;
    hello.address = Net::address(1);
    hello.model = "quadratic:1";
    hello.proof = Net::proof(1);
    return hello;
  }
  Net net;
};

TEST_CASE_METHOD(Keyed, "peers with keys meet and exchange") {
  REQUIRE(meet());
  for (std::size_t peer : {0, 1}) {
    for (std::size_t reason = 0; reason < kRejectCount; ++reason) {
      INFO(to_string(static_cast<Reject>(reason)));
      CHECK(rejected(net, peer, static_cast<Reject>(reason)) == 0);
    }
  }
}

TEST_CASE_METHOD(Keyed, "nothing but a Hello is sent before the other has said the nonce of one") {
  std::map<Address, std::set<std::uint64_t>> nonces;  // that were sent there
  std::map<Address, bool> answered;                   // whoever is there said one of them
  net.alter = [&](Send& send) {
    const auto header = wire::peek(send.head, core::view(send.payload), 1 << 20);
    const Address from = header->src == core::PeerId{0, 1} ? Net::address(0) : Net::address(1);
    if (header->type == wire::Type::kHello) {
      const auto hello = std::get<wire::Hello>(*wire::parse(*header, send.head));
      if (hello.nonce != 0) nonces[send.to].insert(hello.nonce);
      if (nonces[from].contains(hello.echo)) answered[from] = true;
      CHECK(send.greets);
    } else {
      INFO(static_cast<int>(header->type));
      CHECK(answered[send.to]);
      CHECK_FALSE(send.greets);
    }
  };
  for (const std::size_t peer : {0, 1}) net.kill(peer);
  for (const std::size_t peer : {0, 1}) net.start(peer, false);  // under these eyes
  REQUIRE(meet());
  CHECK(net.sent.size() > 20);
}

TEST_CASE_METHOD(Keyed, "a message in another's name is dropped, whatever it says") {
  REQUIRE(meet());
  const core::PeerId other{0, 9};
  for (const wire::Body& body :
       std::vector<wire::Body>{hello(), wire::Ping{}, wire::Bye{}, wire::Refuse{0, 0, "no"}}) {
    net.give(0, from_1(body, other));
    net.give(0, from_1(body, {0, 1}));  // in its own
  }
  CHECK(rejected(net, 0, Reject::kForged) == 8);
  CHECK(net.peers[0]->machine->neighbours().size() == 1);
  Received bare = from_1(wire::Bye{});
  bare.caller = nullptr;
  net.give(0, bare);
  CHECK(rejected(net, 0, Reject::kForged) == 9);
  CHECK(is_up(net, 0));
}

TEST_CASE("until a Hello with the right proof came, nothing else is looked at") {
  Keyed keyed;
  Net& net = keyed.net;
  for (const std::size_t peer : {0, 1}) net.kill(peer);
  net.start(0, false);
  const auto knock = [&](const wire::Body& body) { net.give(0, keyed.from_1(body)); };
  wire::Hello wrong = Keyed::hello();
  wrong.proof = Net::proof(2);
  const std::size_t sent = net.sent.size();
  auto received = keyed.from_1(wrong);
  // Boot 2 of peer 0 is addressed as such.
  knock(wrong);
  wrong.proof = {};
  knock(wrong);
  CHECK(rejected(net, 0, Reject::kUnproven) == 2);
  wire::Refuse refuse{0, 0, "no"};
  const auto to_boot_2 = [&](const wire::Body& body) {
    wire::Header header;
    header.schema = net.peers[0]->replica->schema().hash();
    header.lineage = net.peers[0]->machine->status().lineage;
    header.src = {0, 2};
    header.src_boot = 1;
    header.dst = {0, 1};
    header.dst_boot = 2;
    net.give(0, Received{wire::encode(header, body, {}), nullptr, "p", Net::caller(1)});
  };
  for (const wire::Body& body :
       std::vector<wire::Body>{refuse, wire::Ping{}, wire::Bye{}, wire::Resume{false, true, {}},
                               wire::StateRequest{}}) {
    to_boot_2(body);
  }
  CHECK(rejected(net, 0, Reject::kUnproven) == 7);
  CHECK(net.sent.size() == sent);
  CHECK(net.peers[0]->machine->neighbours().empty());
  CHECK(net.peers[0]->machine->edges().empty());
  knock(Keyed::hello());
  CHECK(net.sent.size() > sent);
  CHECK(net.peers[0]->machine->neighbours().size() == 1);
}

TEST_CASE_METHOD(Keyed, "a Hello that is for another is not looked at") {
  REQUIRE(meet());
  wire::Header header;
  header.schema = net.peers[0]->replica->schema().hash();
  header.src = {0, 2};
  header.src_boot = 2;
  header.dst = {0, 9};
  net.give(0, Received{wire::encode(header, hello(), {}), nullptr, "p", Net::caller(1)});
  CHECK(rejected(net, 0, Reject::kAddressee) == 1);
}

TEST_CASE_METHOD(Keyed, "after its connection is gone, nothing but a Hello goes to an address") {
  REQUIRE(meet());
  net.sent.clear();
  net.take_over(1);
  net.give(0, Disconnected{Net::address(1)});
  net.run(2s);
  std::size_t hellos = 0;
  for (const Send& send : net.sent) {
    if (send.to != Net::address(1)) continue;
    CHECK(type_of(send) == wire::Type::kHello);
    ++hellos;
  }
  CHECK(hellos >= 3);
  CHECK(hellos <= 20);
}

TEST_CASE_METHOD(Keyed, "who says to have moved is sent nothing but a Hello there") {
  REQUIRE(meet());
  net.kill(1);
  REQUIRE(net.run(20s, [&] { return !is_up(net, 0); }));
  net.sent.clear();
  wire::Hello moved = hello();
  moved.address = "192.0.2.7:7";
  net.give(0, from_1(moved, {0, 2}, 2));
  net.give(0, from_1(wire::Resume{true, true, {}}, {0, 2}, 2));
  net.run(2s);
  std::size_t hellos = 0;
  for (const Send& send : net.sent) {
    if (send.to != moved.address) continue;
    CHECK(type_of(send) == wire::Type::kHello);
    ++hellos;
  }
  CHECK(hellos >= 1);
}

TEST_CASE_METHOD(Keyed, "a connection that comes back is used again after a nonce has") {
  REQUIRE(meet());
  const auto before = net.peers[0]->machine->status().exchanges;
  net.give(0, Disconnected{Net::address(1)});
  net.give(1, Disconnected{Net::address(0)});
  CHECK(net.run(1s, [&] { return net.peers[0]->machine->status().exchanges > before + 4; }));
  CHECK_FALSE(was_told(net, 0, What::kSilent));
}

TEST_CASE_METHOD(Keyed, "a Refuse that names an address of any length is sent") {
  REQUIRE(meet());
  // It moves to an address as long as one may be, and another process of it comes at once.
  wire::Hello moved = hello();
  moved.address = std::string(250, 'a') + ":1";
  for (const Send& send : net.sent) {
    const auto header = wire::peek(send.head, core::view(send.payload), 1 << 20);
    if (header->src != core::PeerId{0, 2} || header->type != wire::Type::kHello) continue;
    moved.process = std::get<wire::Hello>(*wire::parse(*header, send.head)).process;
  }
  wire::Hello other = hello();
  other.process = 99;
  net.sent.clear();
  net.give(0, from_1(moved, {0, 2}, 1));
  net.give(0, from_1(other, {0, 2}, 1));
  CHECK(std::count_if(net.sent.begin(), net.sent.end(),
                      [](const Send& send) { return type_of(send) == wire::Type::kRefuse; }) == 1);
}

TEST_CASE_METHOD(Keyed, "whoever is at an address is not asked again for each message of another") {
  REQUIRE(meet());
  wire::Hello moved = hello();
  moved.address = "192.0.2.7:7";
  net.kill(1);
  REQUIRE(net.run(20s, [&] { return !is_up(net, 0); }));
  net.give(0, from_1(moved, {0, 2}, 2));
  net.give(0, from_1(wire::Resume{true, true, {}}, {0, 2}, 2));
  net.sent.clear();
  for (core::Lineage lineage = 1; lineage <= 1000; ++lineage) {
    wire::Header header;
    header.schema = net.peers[0]->replica->schema().hash();
    header.lineage = lineage;
    header.src = {0, 2};
    header.src_boot = 2;
    header.dst = {0, 1};
    header.dst_boot = 1;
    net.give(0, Received{wire::encode(header, wire::Receipt{}, {}), nullptr, "p", Net::caller(1)});
  }
  CHECK(std::count_if(net.sent.begin(), net.sent.end(),
                      [&](const Send& send) { return send.to == moved.address; }) <= 1);
}

TEST_CASE_METHOD(Keyed, "who only says to be at another's address does not make that one gone") {
  REQUIRE(meet());
  net.delivers = [](const Send&, wire::Type) { return false; };
  REQUIRE(net.run(20s, [&] { return !is_up(net, 0) && !is_up(net, 1); }));
  // Another member tells each of the two that it is where the other is.
  for (const std::size_t to : {0, 1}) {
    wire::Header header;
    header.schema = net.peers[to]->replica->schema().hash();
    header.src = {0, 3};
    header.src_boot = 1;
    wire::Hello hello = Keyed::hello();
    hello.proof = Net::proof(2);
    hello.address = Net::address(1 - to);
    net.give(to, Received{wire::encode(header, hello, {}), nullptr, "p", Net::caller(2)});
    REQUIRE(net.peers[to]->machine->neighbours().size() == 2);
  }
  net.delivers = [](const Send&, wire::Type) { return true; };
  CHECK(net.run(60s, [&] { return is_up(net, 0) && is_up(net, 1); }));
}

TEST_CASE_METHOD(Keyed, "what cannot be read is too much sooner or later") {
  REQUIRE(meet());
  wire::Header header;
  header.version = 9;
  header.src = {0, 2};
  const Received newer{wire::encode(header, wire::Ping{}, {}), nullptr, "p", Net::caller(1)};
  for (int i = 0; i < 40'000; ++i) net.give(0, newer);
  CHECK(rejected(net, 0, Reject::kVersion) > 30'000);
  CHECK(rejected(net, 0, Reject::kFlood) > 1000);
}

TEST_CASE_METHOD(Keyed, "who is trusted no longer is dropped, and comes back with a Hello") {
  REQUIRE(meet());
  net.give(0, Distrusted{{0, 2}});
  CHECK(was_told(net, 0, What::kDistrusted));
  CHECK_FALSE(is_up(net, 0));
  CHECK(net.run(20s, [&] { return is_up(net, 0); }));
}

TEST_CASE("peers of two swarm ids refuse each other, and one that has both meets both") {
  Net net;
  net.keyed = true;
  Config old_key = net.config(0);
  old_key.swarm = 1;
  Config other = net.config(1);
  other.swarm = 2;
  const bool both = GENERATE(false, true);
  if (both) other.swarms_also = {1};
  if (both) old_key.swarms_also = {2};
  net.add(0, old_key);
  net.add(1, other);
  CHECK(net.run(5s, [&] { return is_up(net, 0) && is_up(net, 1); }) == both);
  if (both) return;
  CHECK(was_told(net, 0, What::kRefused));
  CHECK(was_told(net, 1, What::kRefusedUs));
  std::size_t refusals = 0;  // they do not answer each other's without end
  for (const Send& send : net.sent) refusals += type_of(send) == wire::Type::kRefuse ? 1 : 0;
  CHECK(refusals <= 3);
}

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
