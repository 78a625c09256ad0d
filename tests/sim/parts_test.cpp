// The clock, the network and the ledger.
#include <map>

#include "sim/claims.hpp"
#include "sim/disk.hpp"
#include "sim/ledger.hpp"
#include "sim/network.hpp"
#include "sim/world.hpp"
#include "tests/catch.hpp"

namespace murmur::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("events happen in the order of time, then in that of scheduling") {
  World world;
  core::Rng rng(1);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    world.schedule(core::Duration(static_cast<std::int64_t>(rng.below(50))), EventKind::kTimer, i);
  }
  core::Duration last{-1};
  std::uint32_t last_index = 0;
  std::size_t count = 0;
  while (const auto due = world.next()) {
    CHECK(due->at >= last);
    if (due->at == last) CHECK(due->index > last_index);
    CHECK(world.now() == due->at);
    last = due->at;
    last_index = due->index;
    ++count;
  }
  CHECK(count == 1000);
}

TEST_CASE("nothing is scheduled in the past") {
  World world;
  world.schedule(seconds(2), EventKind::kTimer, 0);
  REQUIRE(world.next());
  world.schedule(seconds(1), EventKind::kTimer, 1);
  CHECK(world.next()->at == seconds(2));
}

/// Which of 300 messages from peer 0 to peer 1, each one byte more than the one before, arrive
/// when.
std::multimap<std::size_t, core::Duration> arrivals(const FaultPlan& plan) {
  World world;
  Network network(plan, 2, 11);
  constexpr std::size_t kMessages = 300;
  for (std::size_t i = 1; i <= kMessages; ++i) {
    network.send(world, {core::Bytes(i), nullptr, 0, 1, 0, 0});
  }
  std::multimap<std::size_t, core::Duration> result;
  while (const auto due = world.next()) {
    if (due->kind == EventKind::kFrame)
      result.emplace(network.take(due->index).head.size(), due->at);
  }
  return result;
}

TEST_CASE("a network without faults delivers each message once, after the delay") {
  const auto all = arrivals({});
  CHECK(all.size() == 300);
  for (const auto& [size, at] : all) CHECK(at == std::chrono::microseconds(200));
}

TEST_CASE("loss and duplication happen as often as asked") {
  FaultPlan plan;
  plan.loss = 0.3;
  CHECK(static_cast<double>(arrivals(plan).size()) == Approx(210).margin(30));
  plan.loss = 0;
  plan.duplicate = 0.3;
  CHECK(static_cast<double>(arrivals(plan).size()) == Approx(390).margin(30));
}

TEST_CASE("removing one kind of fault does not move another") {
  FaultPlan plan;
  plan.delay = *parse_distribution("exp:50ms");
  const auto without = arrivals(plan);
  plan.loss = 0.3;
  for (const auto& [size, at] : arrivals(plan)) CHECK(without.find(size)->second == at);
}

TEST_CASE("a random delay reorders") {
  FaultPlan plan;
  plan.delay = *parse_distribution("exp:50ms");
  core::Duration last{0};
  std::size_t overtaken = 0;
  for (const auto& [size, at] : arrivals(plan)) {
    if (at < last) ++overtaken;
    last = at;
  }
  CHECK(overtaken > 50);
}

TEST_CASE("a limited bandwidth sends one message after another, and drops what waits too long") {
  FaultPlan plan;
  plan.bandwidth = 1000;  // 45,150 bytes in all would take 45 s
  const auto some = arrivals(plan);
  CHECK(some.size() < 100);
  for (const auto& [size, at] : some) {
    const double bytes_until = static_cast<double>(size * (size + 1)) / 2;
    CHECK(core::seconds(at) == Approx(bytes_until / 1000 + 0.0002));
  }
}

TEST_CASE("a cut parts the sides that it names, while it lasts") {
  FaultPlan plan;
  plan.cuts = {{seconds(1), seconds(1), Cut::Shape::kHalves},
               {seconds(3), seconds(1), Cut::Shape::kOneWay}};
  const Network network(plan, 4, 1);
  CHECK_FALSE(network.cut_off(milliseconds(999), 0, 3));
  CHECK(network.cut_off(seconds(1), 0, 3));
  CHECK(network.cut_off(seconds(1), 3, 0));
  CHECK_FALSE(network.cut_off(seconds(1), 0, 1));
  CHECK_FALSE(network.cut_off(seconds(2), 0, 3));
  CHECK(network.cut_off(seconds(3), 0, 3));
  CHECK_FALSE(network.cut_off(seconds(3), 3, 0));
}

TEST_CASE("the ledger undoes what a crashed side did since its checkpoint, and no more") {
  Ledger ledger;
  ledger.remember(0);
  ledger.remember(1);
  const std::uint32_t pair = ledger.pair(0, 1);
  const auto give = [&](std::uint32_t seq) {
    Gave gave;
    gave.id = {1, seq};
    ledger.give(pair, 0, gave);
  };
  const auto& flow = ledger.at(pair).flow[0];
  give(1);
  CHECK(flow.open.size() == 1);
  ledger.take(pair, 0, {{1, 1}, 0});
  CHECK(flow.open.empty());
  ledger.kept(0);
  give(2);
  ledger.take(pair, 0, {{1, 2}, 0});

  SECTION("the maker's: what it no longer knows is held by the taker only") {
    ledger.roll_back(0);
    CHECK(flow.gave.size() == 1);
    REQUIRE(flow.open.size() == 1);
    CHECK(flow.open[0].id == core::TransferId{1, 2});
    CHECK_FALSE(flow.open[0].given);
  }
  SECTION("the taker's: it never saved, so both are held by the maker only") {
    ledger.roll_back(1);
    CHECK(flow.took.empty());
    CHECK(flow.open.size() == 2);
  }
  CHECK(Ledger::open_holds(flow));
}

TEST_CASE("a disk keeps two checkpoints, and never tears the only one") {
  FaultPlan plan;
  plan.torn = 1;
  plan.crashes.push_back({.peer = 0, .restart_after = core::Duration{1}});
  Disk disk(plan, 0, core::Rng(1));
  CHECK_FALSE(disk.crash());
  const core::Bytes first(1);
  const core::Bytes second(2);
  REQUIRE(disk.save(first));
  CHECK_FALSE(disk.crash());
  REQUIRE(disk.save(second));
  CHECK(disk.crash());
  CHECK(**disk.load() == first);
  CHECK_FALSE(disk.crash());
  CHECK(**disk.load() == first);
}

TEST_CASE("a save that fails changes nothing, and a mended disk saves") {
  FaultPlan plan;
  plan.save_fails = 1;
  plan.crashes.push_back({.peer = 0, .restart_after = core::Duration{1}});
  Disk disk(plan, 0, core::Rng(1));
  CHECK_FALSE(disk.save(core::Bytes(1)));
  CHECK_FALSE(*disk.load());
  disk.mend();
  CHECK(disk.save(core::Bytes(1)));
  CHECK(*disk.load());
}

TEST_CASE("the ledger goes back by two checkpoints where the newest is lost") {
  Ledger ledger;
  ledger.remember(0);
  const std::uint32_t pair = ledger.pair(0, 1);
  for (std::uint32_t seq = 1; seq <= 4; ++seq) {
    Gave gave;
    gave.id = {1, seq};
    ledger.give(pair, 0, gave);
    ledger.take(pair, 0, {{1, seq}, 0});
    if (seq < 4) ledger.kept(0);
  }
  const auto& flow = ledger.at(pair).flow[0];
  ledger.roll_back(0);
  CHECK(flow.gave.size() == 3);
  ledger.lose_checkpoint(0);
  CHECK(flow.gave.size() == 2);
  CHECK(flow.open.size() == 2);
  CHECK(Ledger::open_holds(flow));
}

TEST_CASE("an expected staleness is a moving average of what there was") {
  Claims claims;
  CHECK(claims.plausible(0));
  CHECK_FALSE(claims.plausible(1));
  double average = 0;
  core::Rng rng(3);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t staleness = 10 + rng.below(30);
    claims.exchanged(staleness);
    average += 0.1 * (static_cast<double>(staleness) - average);
    CHECK(claims.plausible(static_cast<std::uint32_t>(average + 0.5)));
  }
  CHECK_FALSE(claims.plausible(0));
  CHECK_FALSE(claims.plausible(100));
}

TEST_CASE("compacting forgets settled transfers but keeps what an outbox may still hold") {
  Ledger ledger;
  const std::uint32_t pair = ledger.pair(3, 2);
  for (std::uint32_t seq = 1; seq <= 100; ++seq) {
    Gave gave;
    gave.id = {1, seq};
    ledger.give(pair, 1, gave);
    if (seq < 100) ledger.take(pair, 1, {{1, seq}, 0});
  }
  ledger.compact(pair);
  const Flow& flow = ledger.at(pair).flow[1];
  CHECK(flow.gave.size() == gossip::kWindowMax);
  CHECK(flow.took.size() == gossip::kWindowMax - 1U);
  CHECK(flow.open.size() == 1);
  CHECK(Ledger::open_holds(flow));
}

}  // namespace
}  // namespace murmur::sim
