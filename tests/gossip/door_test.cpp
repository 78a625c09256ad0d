// What a machine makes of connections that have keys: whom it listens to, and what it says to whom.
#include <map>
#include <set>

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

}  // namespace
}  // namespace murmur::gossip
