#include "gossip/lineages.hpp"

#include "tests/catch.hpp"
#include "tests/gossip/pair.hpp"

namespace murmur::gossip::test {
namespace {

using namespace std::chrono_literals;

Lineages of(core::Lineage own, std::uint64_t step, const std::vector<Verdict>& verdicts = {}) {
  Lineages lineages;
  lineages.restore(own, step, verdicts);
  return lineages;
}

TEST_CASE("the lineage that is less than half as far yields") {
  Lineages behind = of(5, 100);
  CHECK(behind.met(9, 202));
  CHECK(behind.sought() == 9);
  Lineages ahead = of(9, 202);
  CHECK(ahead.met(5, 100));
  CHECK(ahead.sought() == 0);
  CHECK(ahead.verdicts() == behind.verdicts());
}

TEST_CASE("of two that are about as far, the higher number yields") {
  Lineages higher = of(9, 150);
  CHECK(higher.met(5, 100));
  CHECK(higher.sought() == 5);
  Lineages lower = of(5, 100);
  CHECK(lower.met(9, 150));
  CHECK(lower.sought() == 0);
}

TEST_CASE("a verdict is made once, and never taken back") {
  Lineages lineages = of(5, 1000);
  CHECK(lineages.met(9, 10));
  CHECK_FALSE(lineages.met(9, 1'000'000));
  CHECK(lineages.sought() == 0);
}

TEST_CASE("it is the lineage's furthest step that counts, not this peer's") {
  Lineages slow = of(9, 10);
  slow.heard(9, 1000);
  slow.heard(7, 1'000'000);
  CHECK(slow.step() == 1000);
  CHECK(slow.met(5, 490));
  CHECK(slow.sought() == 0);
}

TEST_CASE("of two opposite verdicts the lower number wins") {
  CHECK(of(5, 1, {{5, 9}, {9, 5}}).sought() == 0);
  CHECK(of(9, 1, {{5, 9}, {9, 5}}).sought() == 5);
}

TEST_CASE("who knows the same verdicts draws the same conclusion, in a circle too") {
  const std::vector<Verdict> circle{{5, 7}, {7, 9}, {9, 5}};
  for (const core::Lineage own : {5, 7, 9}) CHECK(of(own, 1).heir(own) == own);
  for (const core::Lineage own : {5, 7, 9}) CHECK(of(own, 1, circle).heir(own) == 5);
  // Those that yield to the circle yield to its heir, and where it yields, all go there.
  std::vector<Verdict> more = circle;
  more.push_back({11, 9});
  CHECK(of(11, 1, more).heir(11) == 5);
  more.push_back({7, 3});
  for (const core::Lineage own : {5, 7, 9, 11}) CHECK(of(own, 1, more).heir(own) == 3);
}

TEST_CASE("as many verdicts as a liar may send are soon concluded from") {
  std::vector<Verdict> circle_with_an_end;
  for (core::Lineage one = 1; one < kVerdictsMax - 1; ++one) {
    circle_with_an_end.push_back({one, one + 1});
  }
  circle_with_an_end.push_back({kVerdictsMax - 1, 1});
  circle_with_an_end.push_back({kVerdictsMax - 1, kVerdictsMax});
  // The time limit of the whole suite is what would tell: it took minutes once.
  CHECK(of(1, 10, circle_with_an_end).sought() == kVerdictsMax);
}

TEST_CASE("more lineages than there can be are not believed") {
  Lineages lineages = of(1, 10);
  for (core::Lineage other = 2; other < 500; ++other) lineages.met(other, 1'000'000);
  CHECK(lineages.verdicts().size() == kVerdictsMax);
}

bool one_lineage(const Net& net) {
  for (const auto& peer : net.peers) {
    if (peer->dead) continue;
    if (peer->machine->status().lineage != net.peers[0]->machine->status().lineage) return false;
  }
  return net.peers[0]->machine->status().lineage != 0;
}

/// Two pairs, each of one draw, that cannot hear each other: x is 8 and 100, and a step moves
/// nothing.
struct Split {
  Split(core::Duration first, core::Duration second) {
    net.delivers = [this](const Send& send, wire::Type) {
      if (!cut) return true;
      const auto header = wire::peek(send.head, core::view(send.payload), 1 << 20);
      const bool from_first = header->src.low <= 2;
      const bool to_first = send.to == Net::address(0) || send.to == Net::address(1);
      return from_first == to_first;
    };
    net.add(8.0F, net.config(0));
    net.add(0.0F, net.config(1));
    net.run(first);
    net.add(100.0F, founder(2));
    Config joins = net.config(3);
    joins.join = {Net::address(2)};
    net.add(0.0F, joins);
    net.run(second);
    REQUIRE(lineage(0) == lineage(1));
    REQUIRE(lineage(2) == lineage(3));
    REQUIRE(lineage(0) != lineage(2));
  }
  Config founder(std::size_t index) {
    Config config = net.config(index);
    config.join.clear();
    return config;
  }
  /// From now on all hear each other; one is told of another.
  void heal() {
    cut = false;
    wire::Header header;
    header.schema = net.peers[0]->replica->schema().hash();
    Config late = net.config(4);
    late.join = {Net::address(0), Net::address(2)};
    net.add(0.0F, late);
  }
  core::Lineage lineage(std::size_t i) { return net.peers[i]->machine->status().lineage; }
  Net net;
  bool cut = true;
};

TEST_CASE("two draws that meet end as one lineage: that which is further") {
  Split split(10s, 1s);
  const core::Lineage further = split.lineage(0);
  split.heal();
  REQUIRE(split.net.run(10s, [&] { return one_lineage(split.net); }));
  CHECK(split.lineage(0) == further);
  split.net.run(2s);
  for (const auto& peer : split.net.peers) CHECK(std::abs(peer->replica->x - 8.0F) < 0.01F);
}

TEST_CASE("a peer whose lineage yields goes on as another boot, and the books are even") {
  Split split(10s, 1s);
  split.heal();
  REQUIRE(split.net.run(10s, [&] { return one_lineage(split.net); }));
  split.net.run(3s);
  CHECK(split.net.peers[2]->machine->self().boot == 2);
  CHECK(split.net.peers[0]->machine->self().boot == 1);
  for (const auto& peer : split.net.peers) {
    const Counters& c = peer->machine->counters();
    CHECK(c.lost_here == 0);
    CHECK(c.lost_there == 0);
    CHECK(peer->machine->status().neighbours == 4);
  }
}

TEST_CASE("parameters of two draws are never averaged") {
  Split split(3s, 3s);  // equally far: the number decides
  split.net.on_work = [&](std::size_t index, const Work& work) {
    if (const auto* respond = std::get_if<Respond>(&work)) {
      float theirs = 0;
      std::memcpy(&theirs, respond->offer->data(), sizeof theirs);
      CHECK(std::abs(theirs - split.net.peers[index]->replica->x) < 20);
    }
  };
  split.heal();
  REQUIRE(split.net.run(10s, [&] { return one_lineage(split.net); }));
  split.net.run(2s);
}

TEST_CASE("a lineage whose parameters are clearly worse is refused, and both are named") {
  Split split(10s, 1s);
  const core::Lineage worse = split.lineage(0);  // though it is further
  const core::Lineage own = split.lineage(2);
  for (const auto& peer : split.net.peers) {
    peer->replica->accuracy_from = [](float x) { return x < 50 ? 0.1 : 0.9; };
  }
  split.heal();
  split.net.run(10s);
  CHECK(split.lineage(0) == worse);
  CHECK(split.lineage(2) == own);
  CHECK(split.lineage(3) == own);
  CHECK(std::abs(split.net.peers[2]->replica->x - 100.0F) < 0.01F);
  bool said = false;
  for (const NoticeReport& notice : split.net.peers[2]->reported<NoticeReport>()) {
    said |= notice.message.find("is refused: accuracy 10.00 %") != std::string::npos;
  }
  CHECK(said);
  // It is not asked again and again.
  std::size_t asked = 0;
  for (const Send& send : split.net.sent) {
    const auto header = wire::peek(send.head, core::view(send.payload), 1 << 20);
    asked += header->type == wire::Type::kStateRequest && header->src.low == 3 ? 1 : 0;
  }
  CHECK(asked <= 4);
}

TEST_CASE("a founder that lost its disk takes the parameters of those that it founded") {
  Net net;
  net.add(3.0F, net.config(0));
  net.add(0.0F, net.config(1));
  net.add(0.0F, net.config(2));
  net.run(10s);
  const core::Lineage lineage = net.peers[1]->machine->status().lineage;
  net.kill(0);
  net.run(1s);
  // At the same address, with another id, as nothing is left of the first.
  net.peers[0]->storage = FailingStorage();
  net.peers[0]->replica->x = 77;
  net.peers[0]->start(net.now, {7, 7}, 99, false);
  REQUIRE(net.run(10s, [&] { return one_lineage(net); }));
  CHECK(net.peers[1]->machine->status().lineage == lineage);
  net.run(2s);
  for (const auto& peer : net.peers) CHECK(std::abs(peer->replica->x - 3.0F) < 0.01F);
}

TEST_CASE("what is owed to a peer that has taken another draw comes as a Void") {
  Split split(10s, 1s);
  // 3 owes 2 a transfer that never arrives; then both take the other draw.
  bool hold = true;
  split.net.delivers = [&](const Send& send, wire::Type type) {
    if (hold && type == wire::Type::kTransfer) {
      const auto header = wire::peek(send.head, core::view(send.payload), 1 << 20);
      return header->src.low <= 2;
    }
    return true;
  };
  split.net.run(500ms);
  split.cut = false;
  Config late = split.net.config(4);
  late.join = {Net::address(0), Net::address(2)};
  split.net.add(0.0F, late);
  REQUIRE(split.net.run(10s, [&] { return one_lineage(split.net); }));
  hold = false;
  split.net.run(3s);
  const std::uint64_t voided = split.net.peers[2]->machine->counters().transfers_voided +
                               split.net.peers[3]->machine->counters().transfers_voided;
  CHECK(voided > 0);
  for (const auto& peer : split.net.peers) CHECK(std::abs(peer->replica->x - 8.0F) < 0.01F);
}

}  // namespace
}  // namespace murmur::gossip::test
