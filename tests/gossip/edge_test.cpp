#include "gossip/edge.hpp"

#include "tests/catch.hpp"

namespace murmur::gossip {
namespace {

core::TransferId give(Edge& maker, core::Boot boot) { return maker.create(boot, {}).id; }

TEST_CASE("an edge numbers its transfers from one in every boot") {
  Edge edge;
  CHECK(give(edge, 1) == core::TransferId{1, 1});
  CHECK(edge.receipt({1, 1}));
  CHECK(give(edge, 1) == core::TransferId{1, 2});
  CHECK(edge.receipt({1, 2}));
  CHECK(give(edge, 2) == core::TransferId{2, 1});
}

TEST_CASE("only the exact receipt empties the outbox") {
  Edge edge;
  give(edge, 2);
  CHECK_FALSE(edge.receipt({1, 1}));
  CHECK_FALSE(edge.receipt({2, 2}));
  CHECK_FALSE(edge.receipt({3, 1}));
  REQUIRE(edge.outbox());
  CHECK(edge.receipt({2, 1}));
  CHECK_FALSE(edge.outbox());
}

TEST_CASE("a voided entry keeps its id") {
  Edge edge;
  OutboxEntry entry;
  entry.delta = std::make_shared<core::Bytes>(8);
  const core::TransferId id = edge.create(1, std::move(entry)).id;
  edge.void_outbox();
  REQUIRE(edge.outbox());
  CHECK(edge.outbox()->id == id);
  CHECK_FALSE(edge.outbox()->delta);
}

TEST_CASE("an id at or below the highest seen is a repeat") {
  Edge edge;
  edge.mark_seen({1, 3});
  CHECK(edge.already_seen({1, 2}));
  CHECK(edge.already_seen({1, 3}));
  CHECK_FALSE(edge.already_seen({1, 4}));
  CHECK_FALSE(edge.already_seen({2, 1}));
}

TEST_CASE("a resume after a clean restart finds nothing lost") {
  Edge maker;
  Edge taker;
  for (int i = 0; i < 3; ++i) {
    taker.mark_seen(give(maker, 1));
    maker.receipt(taker.highest_seen());
  }
  give(maker, 1);  // pending
  const auto lost = taker.resume(maker.facts());
  CHECK(lost.here == 0);
  CHECK(lost.there == 0);
  CHECK_FALSE(taker.already_seen({1, 4}));
}

TEST_CASE("what a rolled-back taker forgot is counted lost here, once, and never applied again") {
  Edge maker;
  Edge taker;
  Edge checkpoint;
  for (int i = 0; i < 5; ++i) {
    if (i == 2) checkpoint = taker;
    taker.mark_seen(give(maker, 1));
    maker.receipt(taker.highest_seen());
  }
  taker = checkpoint;
  CHECK(taker.resume(maker.facts()).here == 3);
  CHECK(taker.already_seen({1, 5}));
  CHECK(taker.resume(maker.facts()).here == 0);
  CHECK(taker.lost_here == 3);
}

TEST_CASE("the pending transfer of a rolled-back taker's neighbour is still to come, not lost") {
  Edge maker;
  Edge taker;
  Edge checkpoint;
  taker.mark_seen(give(maker, 1));
  maker.receipt({1, 1});
  checkpoint = taker;
  taker.mark_seen(give(maker, 1));  // applied, but its receipt never left
  taker = checkpoint;
  CHECK(taker.resume(maker.facts()).here == 0);
  CHECK_FALSE(taker.already_seen({1, 2}));
}

TEST_CASE("what a rolled-back maker forgot is counted lost there, once") {
  Edge maker;
  Edge taker;
  const Edge checkpoint = maker;
  for (int i = 0; i < 4; ++i) {
    taker.mark_seen(give(maker, 1));
    maker.receipt(taker.highest_seen());
  }
  maker = checkpoint;
  CHECK(taker.resume(maker.facts()).there == 4);
  taker.mark_seen(give(maker, 2));
  maker.receipt({2, 1});
  CHECK(taker.resume(maker.facts()).there == 0);
  CHECK(taker.lost_there == 4);
}

TEST_CASE("a new boot's transfer exceeds every one of the boots before it") {
  Edge maker;
  Edge taker;
  taker.mark_seen({1, 100});
  const core::TransferId id = give(maker, 2);
  CHECK_FALSE(taker.already_seen(id));
}

}  // namespace
}  // namespace murmur::gossip
