// Transfers between whole machines: none is lost or doubled, and none waits longer than it must.
#include "tests/catch.hpp"
#include "tests/gossip/pair.hpp"

namespace murmur::gossip::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("the sum of the replicas stays, and they meet") {
  Net net;
  for (std::size_t i = 0; i < 4; ++i) net.add(0.0F, net.config(i));
  REQUIRE(net.run(10s, [&] { return linked(net, 3); }));
  net.peers[2]->replica->x = 8.0F;
  net.run(5s);
  CHECK(net.sum() == Approx(8.0));
  for (const auto& peer : net.peers) CHECK(peer->replica->x == Approx(2.0).margin(0.02));
}

TEST_CASE("nothing is lost or doubled when most messages are") {
  Net net;
  for (std::size_t i = 0; i < 3; ++i) net.add(0.0F, net.config(i));
  REQUIRE(net.run(10s, [&] { return linked(net, 2); }));
  core::Rng rng(7, 0, "loss");
  net.delivers = [&rng](const Send&, wire::Type type) {
    return type == wire::Type::kHello || type == wire::Type::kPing || type == wire::Type::kPong ||
           rng.uniform() < 0.5;
  };
  net.peers[0]->replica->x = 9.0F;
  net.run(20s);
  net.delivers = [](const Send&, wire::Type type) { return type != wire::Type::kOffer; };
  net.run(13s);  // a resend waits 10 s and a quarter at most: every transfer gets through
  CHECK(net.sum() == Approx(9.0).margin(1e-4));
  for (const auto& peer : net.peers) {
    CHECK(peer->machine->counters().lost_here == 0);
    for (const auto& [id, edge] : peer->machine->edges()) CHECK(edge.outbox().empty());
  }
}

TEST_CASE("what is owed at the end is not put off for long, however often it was lost") {
  for (const bool settles : {false, true}) {
    CAPTURE(settles);
    Net net;
    for (std::size_t i = 0; i < 2; ++i) net.add(0.0F, net.config(i));
    net.run(5s);  // how long receipts take is known by now
    const auto owed = [&net] {
      std::size_t count = 0;
      for (const auto& peer : net.peers) {
        for (const auto& [id, edge] : peer->machine->edges()) count += edge.outbox().size();
      }
      return count;
    };
    net.delivers = [](const Send&, wire::Type type) { return type != wire::Type::kTransfer; };
    net.run(1s);
    if (settles) net.give(0, Stop{});
    net.run(7s);
    REQUIRE(owed() > 0);
    net.delivers = [](const Send&, wire::Type type) { return type != wire::Type::kOffer; };
    net.run(300ms);
    // 50 ms at least, twice doubled, and a quarter; while both train it is seconds by now.
    CHECK((owed() == 0) == settles);
  }
}

TEST_CASE("a repeated transfer is receipted again but applied once") {
  Net net;
  net.add(0.0F, net.config(0));
  net.add(0.0F, net.config(1));
  REQUIRE(net.run(10s, [&] { return linked(net, 1); }));
  net.delivers = [](const Send&, wire::Type type) { return type != wire::Type::kReceipt; };
  net.peers[0]->replica->x = 4.0F;
  net.run(1500ms);
  const auto duplicates = net.peers[0]->machine->counters().transfers_duplicate +
                          net.peers[1]->machine->counters().transfers_duplicate;
  CHECK(duplicates > 0);
  CHECK(net.sum() == Approx(4.0));
}

TEST_CASE("a transfer to a neighbour that is busy for a moment is not sent again") {
  Net net;
  net.add(0.0F, net.config(0));
  net.add(0.0F, net.config(1));
  net.run(2s);  // how long receipts take is known by now
  net.work_time = 12ms;
  net.run(1s);
  for (const auto& peer : net.peers) {
    CHECK(peer->machine->counters().receipts_taken > 0);
    CHECK(peer->machine->counters().transfers_resent == 0);
  }
}

TEST_CASE("a receipt leaves only after the transfer is applied") {
  Net net;
  net.add(0.0F, net.config(0));
  net.add(0.0F, net.config(1));
  REQUIRE(net.run(10s, [&] { return linked(net, 1); }));
  net.sent.clear();
  net.delivers = [&net](const Send& send, wire::Type type) {
    if (type == wire::Type::kReceipt) {
      // Whoever sends a receipt has by now marked the transfer seen, which follows the apply.
      const auto header = wire::peek(send.head, {}, 0);
      const auto body = wire::parse(*header, send.head);
      const auto id = std::get<wire::Receipt>(*body).up_to;
      for (const auto& peer : net.peers) {
        if (peer->machine->self().id != header->src) continue;
        CHECK(peer->machine->edge(header->dst)->already_seen(id));
        CHECK(peer->machine->counters().transfers_applied > 0);
      }
    }
    return true;
  };
  net.run(1s);
  CHECK(net.peers[0]->machine->counters().receipts_taken +
            net.peers[1]->machine->counters().receipts_taken >
        0);
}

}  // namespace
}  // namespace murmur::gossip::test
