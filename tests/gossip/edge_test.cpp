#include "gossip/edge.hpp"

#include "tests/catch.hpp"

namespace murmur::gossip {
namespace {

core::TransferId give(Edge& maker, core::Boot boot) { return maker.create(boot, {}).id; }
bool receipt(Edge& maker, core::TransferId id) {
  const Decided decided{id, false, {kWholeShare}};
  return maker.receipt({&decided, 1}).size() == 1;
}
void see(Edge& taker, core::TransferId id) { taker.take({id, false, {kWholeShare}}, {}); }

TEST_CASE("an edge numbers its transfers from one in every boot") {
  Edge edge;
  CHECK(give(edge, 1) == core::TransferId{1, 1});
  CHECK(receipt(edge, {1, 1}));
  CHECK(give(edge, 1) == core::TransferId{1, 2});
  CHECK(receipt(edge, {1, 2}));
  CHECK(give(edge, 2) == core::TransferId{2, 1});
}

TEST_CASE("only the exact receipt empties the outbox") {
  Edge edge;
  give(edge, 2);
  CHECK_FALSE(receipt(edge, {1, 1}));
  CHECK_FALSE(receipt(edge, {2, 2}));
  CHECK_FALSE(receipt(edge, {3, 1}));
  REQUIRE(edge.outbox().size() == 1);
  CHECK(receipt(edge, {2, 1}));
  CHECK(edge.outbox().empty());
}

// The taker's boot, then the maker's.
constexpr Session kTakerRestarted{2, 1};
constexpr Session kMakerRestarted{1, 2};
constexpr std::uint64_t kLostMax = 1000;

TEST_CASE("a voided entry keeps its id") {
  Edge edge;
  OutboxEntry entry;
  entry.delta = std::make_shared<core::Bytes>(8);
  const core::TransferId id = edge.create(1, std::move(entry)).id;
  edge.void_entry(0);
  REQUIRE(edge.outbox().size() == 1);
  CHECK(edge.outbox()[0].id == id);
  CHECK_FALSE(edge.outbox()[0].delta);
}

TEST_CASE("an id at or below the highest seen is a repeat") {
  Edge edge;
  see(edge, {1, 3});
  CHECK(edge.already_seen({1, 2}));
  CHECK(edge.already_seen({1, 3}));
  CHECK_FALSE(edge.already_seen({1, 4}));
  CHECK_FALSE(edge.already_seen({2, 1}));
}

TEST_CASE("a resume after a clean restart finds nothing lost") {
  Edge maker;
  Edge taker;
  for (int i = 0; i < 3; ++i) {
    see(taker, give(maker, 1));
    receipt(maker, taker.highest_seen());
  }
  give(maker, 1);  // pending
  const auto lost = taker.resume(maker.facts(), kMakerRestarted, kLostMax);
  REQUIRE(lost);
  CHECK(lost->here == 0);
  CHECK(lost->there == 0);
  CHECK_FALSE(taker.already_seen({1, 4}));
}

TEST_CASE("what a rolled-back taker forgot is counted lost here, once, and never applied again") {
  Edge maker;
  Edge taker;
  Edge checkpoint;
  for (int i = 0; i < 5; ++i) {
    if (i == 2) checkpoint = taker;
    see(taker, give(maker, 1));
    receipt(maker, taker.highest_seen());
  }
  taker = checkpoint;
  CHECK(taker.resume(maker.facts(), kTakerRestarted, kLostMax)->here == 3);
  CHECK(taker.already_seen({1, 5}));
  CHECK(taker.resume(maker.facts(), kTakerRestarted, kLostMax)->here == 0);
  CHECK(taker.lost_here == 3);
}

TEST_CASE("the pending transfer of a rolled-back taker's neighbour is still to come, not lost") {
  Edge maker;
  Edge taker;
  Edge checkpoint;
  see(taker, give(maker, 1));
  receipt(maker, {1, 1});
  checkpoint = taker;
  see(taker, give(maker, 1));  // applied, but its receipt never left
  taker = checkpoint;
  CHECK(taker.resume(maker.facts(), kTakerRestarted, kLostMax)->here == 0);
  CHECK_FALSE(taker.already_seen({1, 2}));
}

TEST_CASE("what a rolled-back maker forgot is counted lost there, once") {
  Edge maker;
  Edge taker;
  const Edge checkpoint = maker;
  for (int i = 0; i < 4; ++i) {
    see(taker, give(maker, 1));
    receipt(maker, taker.highest_seen());
  }
  maker = checkpoint;
  CHECK(taker.resume(maker.facts(), kMakerRestarted, kLostMax)->there == 4);
  see(taker, give(maker, 2));
  receipt(maker, {2, 1});
  CHECK(taker.resume(maker.facts(), {1, 3}, kLostMax)->there == 0);
  CHECK(taker.lost_there == 4);
}

TEST_CASE(
    "what a maker forgot that came back from an ever older checkpoint is counted, each once") {
  Edge maker;
  Edge taker;
  Edge checkpoints[2];
  for (int i = 0; i < 9; ++i) {
    if (i == 3) checkpoints[0] = maker;
    if (i == 7) checkpoints[1] = maker;
    see(taker, give(maker, 1));
    receipt(maker, taker.highest_seen());
  }
  CHECK(taker.resume(checkpoints[1].facts(), {1, 2}, kLostMax)->there == 2);
  CHECK(taker.resume(checkpoints[0].facts(), {1, 3}, kLostMax)->there == 4);
  CHECK(taker.resume(checkpoints[1].facts(), {1, 4}, kLostMax)->there == 0);
  CHECK(taker.lost_there == 6);
}

TEST_CASE("a new boot's transfer exceeds every one of the boots before it") {
  Edge maker;
  Edge taker;
  see(taker, {1, 100});
  const core::TransferId id = give(maker, 2);
  CHECK_FALSE(taker.already_seen(id));
}

// ---- what is taken ---------------------------------------------------------------------------

TEST_CASE("only the next transfer is taken: neither a later one nor one of a later boot") {
  Edge taker;
  const core::OfferId offer = taker.offer(1);
  const Session session{1, 1};
  CHECK(taker.turn({{1, 1}, offer}, session, std::nullopt) == Edge::Turn::kNext);
  CHECK(taker.turn({{1, 2}, offer}, session, std::nullopt) == Edge::Turn::kEarly);
  CHECK(taker.turn({{1, 0xffffffff}, offer}, session, std::nullopt) == Edge::Turn::kOutOfTurn);
  CHECK(taker.turn({{2, 1}, offer}, session, std::nullopt) == Edge::Turn::kOutOfTurn);
  taker.take({{1, 1}, false, {}}, offer);
  CHECK(taker.turn({{1, 1}, offer}, session, std::nullopt) == Edge::Turn::kRepeat);
  CHECK(taker.turn({{1, 2}, taker.offer(1)}, session, std::nullopt) == Edge::Turn::kNext);
}

TEST_CASE("a Void is taken in its turn, whatever it answered") {
  Edge taker;
  CHECK(taker.turn({1, 1}, {1, 1}) == Edge::Turn::kNext);
  CHECK(taker.turn({1, 3}, {1, 1}) == Edge::Turn::kEarly);
}

TEST_CASE("an offer is answered by one transfer, and one that was not made by none") {
  Edge taker;
  const Session session{1, 1};
  CHECK(taker.turn({{1, 1}, {1, 1}}, session, std::nullopt) == Edge::Turn::kUnasked);
  const core::OfferId first = taker.offer(1);
  const core::OfferId second = taker.offer(1);
  taker.take({{1, 1}, false, {}}, second);
  CHECK(taker.turn({{1, 2}, second}, session, std::nullopt) == Edge::Turn::kUnasked);
  CHECK(taker.turn({{1, 2}, first}, session, std::nullopt) == Edge::Turn::kUnasked);
  CHECK(taker.turn({{1, 2}, taker.offer(1)}, session, std::nullopt) == Edge::Turn::kNext);
}

TEST_CASE("an answer to an offer of an earlier boot is taken if it was pending, and only then") {
  Edge maker;
  Edge taker;
  const core::OfferId offer = taker.offer(1);
  const core::TransferId pending = give(maker, 1);
  REQUIRE(taker.resume(maker.facts(), kTakerRestarted, kLostMax));
  CHECK(taker.turn({pending, offer}, kTakerRestarted, std::nullopt) == Edge::Turn::kNext);
  taker.take({pending, false, {}}, offer);
  CHECK(taker.turn({{1, 2}, offer}, kTakerRestarted, std::nullopt) == Edge::Turn::kUnasked);
}

// ---- what a Resume may claim -----------------------------------------------------------------

TEST_CASE("a Resume cannot claim more than a crash can have lost") {
  const auto claim = [](std::uint32_t seq) { return ResumeFacts{{{1, seq}}, {}, {}}; };
  Edge taker;
  CHECK_FALSE(taker.resume(claim(5), kMakerRestarted, kLostMax));  // this side has never crashed
  CHECK_FALSE(taker.resume(claim(0xffffffff), kTakerRestarted, kLostMax));
  CHECK(taker.lost_here == 0);
  CHECK(taker.highest_seen() == core::TransferId{});
  CHECK(taker.resume(claim(5), kTakerRestarted, kLostMax)->here == 5);
  // The crash has been told of: nothing more can have been lost by it.
  CHECK_FALSE(taker.resume(claim(9), kTakerRestarted, kLostMax));
  CHECK(taker.lost_here == 5);
}

TEST_CASE("a Resume whose pending transfer is not its newest is not believed") {
  Edge taker;
  CHECK_FALSE(taker.resume({{{1, 2}, {2, 1}}, {}, {{1, 2}}}, {3, 2}, kLostMax));
}

TEST_CASE("past so many boots the oldest are forgotten, and not counted as lost") {
  Edge maker;
  Edge taker;
  constexpr auto kBoots = static_cast<core::Boot>(kBootsMax + 50);
  for (core::Boot boot = 1; boot <= kBoots; ++boot) {
    see(taker, give(maker, boot));
    receipt(maker, taker.highest_seen());
  }
  CHECK(maker.facts().created.size() == kBootsMax);
  CHECK(taker.facts().seen.size() == kBootsMax);
  const auto lost = taker.resume(maker.facts(), {2, kBoots + 1}, kLostMax);
  REQUIRE(lost);
  CHECK(lost->here == 0);
  CHECK(lost->there == 0);
}

}  // namespace
}  // namespace murmur::gossip
