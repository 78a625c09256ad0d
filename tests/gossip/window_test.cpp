// A window of several transfers on one edge: their order, what a receipt says and settles, and what
// is remembered for a maker that a crash takes back.
#include <vector>

#include "gossip/edge.hpp"
#include "tests/catch.hpp"

namespace murmur::gossip {
namespace {

constexpr std::uint64_t kLostMax = 1000;
constexpr Session kFirst{1, 1};
constexpr Session kMakerRestarted{1, 2};
constexpr Session kTakerRestarted{2, 1};

core::TransferId give(Edge& maker, core::Boot boot = 1, core::ShardId shard = 0) {
  OutboxEntry entry;
  entry.shard = shard;
  entry.delta = std::make_shared<core::Bytes>(4);
  return maker.create(boot, std::move(entry)).id;
}
Decided whole(core::TransferId id) { return {id, false, {kWholeShare}}; }
Decided refused(core::TransferId id) { return {id, true, {}}; }
void see(Edge& taker, core::TransferId id) { taker.take(whole(id), {}); }
std::vector<core::TransferId> owed(const Edge& edge) { return edge.facts().pending; }
/// What `taker` says of `id` reaches `maker`.
void tell(Edge& maker, const Edge& taker, core::TransferId id, std::size_t window = 2) {
  (void)maker.receipt(taker.decided_around(id, window));
}
void save(Edge& edge) {
  edge.saving();
  edge.saved(true);
}

// ---- order -----------------------------------------------------------------------------------

TEST_CASE("transfers are taken in the order of their numbers, after those that wait") {
  Edge taker;
  const core::OfferId first = taker.offer(1);
  const core::OfferId second = taker.offer(1);
  const core::OfferId third = taker.offer(1);
  const Accepted waiting{{1, 1}, first};
  CHECK(taker.turn({{1, 2}, second}, kFirst, std::nullopt) == Edge::Turn::kEarly);
  CHECK(taker.turn({{1, 1}, first}, kFirst, waiting) == Edge::Turn::kWaiting);
  CHECK(taker.turn({{1, 2}, second}, kFirst, waiting) == Edge::Turn::kNext);
  CHECK(taker.turn({{1, 2}, first}, kFirst, waiting) == Edge::Turn::kUnasked);
  CHECK(taker.turn({{1, 3}, third}, kFirst, waiting) == Edge::Turn::kEarly);
}

TEST_CASE("a transfer further ahead than any window cannot have been made") {
  Edge taker;
  const core::OfferId offer = taker.offer(1);
  CHECK(taker.turn({{1, kWindowMax}, offer}, kFirst, std::nullopt) == Edge::Turn::kEarly);
  CHECK(taker.turn({{1, kWindowMax + 1}, offer}, kFirst, std::nullopt) == Edge::Turn::kOutOfTurn);
  CHECK(taker.turn({{1, ~std::uint64_t{0}}, offer}, kFirst, std::nullopt) ==
        Edge::Turn::kOutOfTurn);
}

TEST_CASE("what is pending of earlier boots is taken before what the present one makes") {
  Edge maker;
  Edge taker;
  const core::OfferId offers[3] = {taker.offer(1), taker.offer(1), taker.offer(1)};
  give(maker, 1);
  give(maker, 1);
  REQUIRE(taker.resume(maker.facts(), kMakerRestarted, kLostMax));
  give(maker, 2);
  CHECK(taker.turn({{2, 1}, offers[2]}, kMakerRestarted, std::nullopt) == Edge::Turn::kEarly);
  CHECK(taker.turn({{1, 2}, offers[1]}, kMakerRestarted, std::nullopt) == Edge::Turn::kEarly);
  CHECK(taker.turn({{1, 1}, offers[0]}, kMakerRestarted, std::nullopt) == Edge::Turn::kNext);
  see(taker, {1, 1});
  CHECK(taker.turn({{1, 2}, offers[1]}, kMakerRestarted, std::nullopt) == Edge::Turn::kNext);
  see(taker, {1, 2});
  CHECK(taker.turn({{1, 3}, offers[2]}, kMakerRestarted, std::nullopt) == Edge::Turn::kOutOfTurn);
  CHECK(taker.turn({{2, 1}, offers[2]}, kMakerRestarted, std::nullopt) == Edge::Turn::kNext);
}

TEST_CASE("a number that an earlier boot never came to is not taken for a repeat") {
  Edge taker;
  see(taker, {1, 5});
  see(taker, {2, 1});
  CHECK(taker.turn({{1, 5}, {1, 1}}, {1, 2}, std::nullopt) == Edge::Turn::kRepeat);
  CHECK(taker.turn({{1, 6}, {1, 1}}, {1, 2}, std::nullopt) == Edge::Turn::kOutOfTurn);
  CHECK(taker.turn({{1, ~std::uint64_t{0}}, {1, 1}}, {1, 2}, std::nullopt) ==
        Edge::Turn::kOutOfTurn);
}

// ---- receipts --------------------------------------------------------------------------------

TEST_CASE("a receipt settles what it lists, and says what became of each") {
  Edge maker;
  Edge taker;
  give(maker);
  give(maker);
  give(maker);
  see(taker, {1, 1});
  taker.take(refused({1, 2}), {});
  const std::vector<Decided> said = taker.decided_around({1, 2}, 4);
  CHECK(said == std::vector<Decided>{whole({1, 1}), refused({1, 2})});
  CHECK(maker.receipt(said) == said);
  CHECK(owed(maker) == std::vector<core::TransferId>{{1, 3}});
}

TEST_CASE("a receipt settles nothing after an entry that it does not list") {
  Edge maker;
  give(maker);
  give(maker);
  const std::vector<Decided> second{whole({1, 2})};
  CHECK(maker.receipt(second).empty());
  CHECK(owed(maker).size() == 2);
}

TEST_CASE("a receipt of one boot settles nothing of another, whatever the numbers") {
  Edge maker;
  give(maker, 1);
  give(maker, 2);
  CHECK(maker.receipt(std::vector<Decided>{whole({2, 1}), whole({2, 2})}).empty());
  CHECK(maker.receipt(std::vector<Decided>{whole({1, 1}), whole({2, 1})}).size() == 2);
}

TEST_CASE("a receipt of a repeat says of what came after it too, as those may be lost as well") {
  Edge taker;
  for (std::uint64_t seq = 1; seq <= 9; ++seq) see(taker, {1, seq});
  CHECK(taker.decided_around({1, 4}, 3) ==
        std::vector<Decided>{whole({1, 4}), whole({1, 5}), whole({1, 6})});
  CHECK(taker.decided_around({1, 9}, 3) ==
        std::vector<Decided>{whole({1, 7}), whole({1, 8}), whole({1, 9})});
}

// ---- what is remembered ----------------------------------------------------------------------

TEST_CASE("a maker taken back by a crash is told what became of what it asks for once more") {
  Edge maker;
  Edge taker;
  give(maker);
  save(maker);
  Edge checkpoint = maker;
  taker.take({{1, 1}, false, {0x4000}}, {});
  tell(maker, taker, {1, 1});
  CHECK(owed(maker).empty());
  give(maker);
  CHECK(maker.settled() == core::TransferId{1, 1});
  taker.settle(maker.settled());
  see(taker, {1, 2});
  maker = checkpoint;
  REQUIRE(taker.resume(maker.facts(), kMakerRestarted, kLostMax)->there == 1);
  CHECK(taker.decided_around({1, 1}, 1) == std::vector<Decided>{{{1, 1}, false, {0x4000}}});
}

TEST_CASE("an outcome is settled once two checkpoints of the maker have it") {
  Edge maker;
  Edge taker;
  give(maker);
  save(maker);
  taker.take(refused({1, 1}), {});
  tell(maker, taker, {1, 1});
  for (int saves = 0; saves < 2; ++saves) {
    give(maker);
    CHECK(maker.settled() == core::TransferId{1, 1});
    tell(maker, taker, {1, 1});
    const std::vector<Decided> newest{whole(owed(maker).front())};
    (void)maker.receipt(newest);
    save(maker);
  }
  give(maker);
  CHECK(maker.settled() == core::TransferId{1, 4});
}

TEST_CASE("a maker taken back to a backup is told what it had settled") {
  Edge maker;
  Edge taker;
  give(maker);
  const Edge backup = maker;
  taker.take(refused({1, 1}), {});
  tell(maker, taker, {1, 1});
  give(maker);
  CHECK(maker.settled() == core::TransferId{1, 2});
  taker.settle(maker.settled());
  see(taker, {1, 2});
  maker = backup;
  REQUIRE(taker.resume(maker.facts(), kMakerRestarted, kLostMax)->there == 1);
  CHECK(taker.decided_around({1, 1}, 1) == std::vector<Decided>{refused({1, 1})});
}

TEST_CASE("what a failed save may have left on the disk counts as a checkpoint") {
  Edge maker;
  give(maker);
  maker.saving();
  maker.saved(false);
  (void)maker.receipt(std::vector<Decided>{whole({1, 1})});
  give(maker);
  CHECK(maker.settled() == core::TransferId{1, 1});
}

TEST_CASE("who keeps no checkpoint has settled what it was told of") {
  Edge maker;
  give(maker);
  (void)maker.receipt(std::vector<Decided>{whole({1, 1})});
  give(maker);
  give(maker);
  CHECK(maker.settled() == core::TransferId{1, 2});
}

TEST_CASE("what a crash of the taker lost is told to a maker that asks for it once more") {
  Edge maker;
  Edge taker;
  for (int i = 0; i < 3; ++i) give(maker);
  save(maker);
  const Edge checkpoint = maker;
  const Edge before = taker;
  for (std::uint64_t seq = 1; seq <= 3; ++seq) see(taker, {1, seq});
  tell(maker, taker, {1, 3}, 4);
  REQUIRE(owed(maker).empty());
  taker = before;
  REQUIRE(taker.resume(maker.facts(), kTakerRestarted, kLostMax)->here == 3);
  maker = checkpoint;
  REQUIRE(taker.resume(maker.facts(), {2, 2}, kLostMax)->here == 0);
  CHECK(taker.turn({{1, 1}, {1, 1}}, {2, 2}, std::nullopt) == Edge::Turn::kRepeat);
  CHECK(taker.decided_around({1, 1}, 3) ==
        std::vector<Decided>{refused({1, 1}), refused({1, 2}), refused({1, 3})});
}

TEST_CASE("outcomes of a row are one, and as many as there may be stop the edge, not the peer") {
  Outcomes outcomes;
  for (std::uint64_t seq = 1; seq <= 1000; ++seq) outcomes.add(refused({1, seq}));
  CHECK(outcomes.ranges().size() == 1);
  std::uint64_t seq = 1001;
  for (; outcomes.has_room(); seq += 2) {
    outcomes.add(whole({1, seq}));
    outcomes.add(refused({1, seq + 1}));
    REQUIRE(outcomes.ranges().size() <= Outcomes::kOutcomesMax);
  }
  CHECK(outcomes.of({1, 1}).refused);
  CHECK_FALSE(outcomes.of({1, 1001}).refused);
  outcomes.settle({1, seq});
  CHECK(outcomes.has_room());
  CHECK(outcomes.ranges().empty());
  CHECK(outcomes.forgotten() == core::TransferId{1, seq});
  outcomes.add(refused({1, seq}));
  outcomes.settle({1, seq + 1});
  CHECK(outcomes.of({1, seq}).refused);
}

TEST_CASE("outcomes that are not in order are not restored") {
  Outcomes outcomes;
  CHECK_FALSE(outcomes.restore({{1, 3, 2, true, {}}}, {}));
  CHECK_FALSE(outcomes.restore({{1, 1, 4, true, {}}, {1, 4, 5, true, {}}}, {}));
  CHECK(outcomes.restore({{1, 1, 4, true, {}}, {1, 6, 6, false, {7}}}, {}));
  CHECK(outcomes.of({1, 6}) == Decided{{1, 6}, false, {7}});
}

// ---- resume ----------------------------------------------------------------------------------

TEST_CASE("of what a rolled-back taker lacks, only what is not pending is lost") {
  Edge maker;
  Edge taker;
  for (int i = 0; i < 5; ++i) give(maker);
  (void)maker.receipt(std::vector<Decided>{whole({1, 1}), whole({1, 2}), whole({1, 3})});
  const auto lost = taker.resume(maker.facts(), kTakerRestarted, kLostMax);
  REQUIRE(lost);
  CHECK(lost->here == 3);
  CHECK(taker.already_seen({1, 3}));
  CHECK_FALSE(taker.already_seen({1, 4}));
}

TEST_CASE(
    "a Resume whose pending transfers are not the newest it made, all of them, is not believed") {
  Edge taker;
  const auto claim = [&](std::vector<core::TransferId> pending) {
    return taker.resume({{{1, 3}, {2, 2}}, {}, std::move(pending)}, {3, 2}, kLostMax).has_value();
  };
  CHECK_FALSE(claim({{1, 2}, {1, 3}, {2, 2}}));  // without (2, 1)
  CHECK_FALSE(claim({{1, 3}, {2, 1}}));          // without (2, 2)
  CHECK_FALSE(claim({{1, 1}, {1, 3}, {2, 1}, {2, 2}}));
  CHECK_FALSE(claim({{1, 4}, {2, 1}, {2, 2}}));
  CHECK_FALSE(claim({{2, 3}}));
  CHECK(claim({{1, 3}, {2, 1}, {2, 2}}));
  CHECK(taker.lost_here == 2);
}

}  // namespace
}  // namespace murmur::gossip
