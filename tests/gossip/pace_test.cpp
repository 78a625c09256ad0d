#include "gossip/pace.hpp"

#include "gossip/patience.hpp"
#include "gossip/staleness.hpp"
#include "gossip/timers.hpp"
#include "tests/catch.hpp"

namespace murmur::gossip {
namespace {

using namespace std::chrono_literals;

TEST_CASE("one Train covers about a slice, and one step while nothing is known") {
  Pace pace;
  CHECK(pace.slice_steps(4ms) == 1);
  pace.step.add(20'000);
  CHECK(pace.slice_steps(4ms) == 200);
  Pace slow;
  slow.step.add(1e9);
  CHECK(slow.slice_steps(4ms) == 1);
}

TEST_CASE("the automatic pace keeps mixing under its share of the lane") {
  Config config;
  Pace pace;
  pace.step.add(100'000);
  pace.offer.add(50'000);
  pace.respond.add(100'000);
  pace.absorb.add(50'000);
  const double every = pace.exchange_every(config);
  CHECK((50'000 + 100'000 + 50'000) <= config.mixing_share_max * every * 100'000);
  config.exchange_every = 7;
  CHECK(pace.exchange_every(config) == 7);
}

TEST_CASE("the pause between offers that settle grows to a bound") {
  CHECK(settle_gap(1ms, 0, 0) == 1ms);
  CHECK(settle_gap(1ms, 0, 0.5) == 3ms);
  CHECK(settle_gap(1ms, 64, 0) == 2ms);
  CHECK(settle_gap(1ms, 1'000'000, 0) == 20ms);
  CHECK(settle_gap(100ms, 1'000'000, 0) == 100ms);
}

TEST_CASE("a stale delta mixes with less weight") {
  StalenessPolicy damped;
  damped.half = 10;
  CHECK(*weight_for(damped, 0, 0) == 0.5F);
  CHECK(*weight_for(damped, 10, 0) == 0.25F);
  CHECK(*weight_for(damped, 5, 0) < *weight_for(damped, 4, 0));
}

TEST_CASE("a bounded policy declines what is staler than its bound") {
  StalenessPolicy bounded;
  bounded.kind = StalenessPolicy::Kind::kBounded;
  bounded.bound = 8;
  CHECK(*weight_for(bounded, 8, 8) == 0.5F);
  CHECK_FALSE(weight_for(bounded, 9, 0));
  CHECK_FALSE(weight_for(bounded, 0, 9));
}

TEST_CASE(
    "an offer waits about as long as answers take, longer while none come, never past the limit") {
  Patience patience(20ms);
  CHECK(patience.wait(2s) == 500ms);
  for (int i = 0; i < 50; ++i) patience.answered(100ms);
  CHECK(patience.wait(2s) >= 100ms);
  CHECK(patience.wait(2s) < 150ms);
  const auto before = patience.wait(2s);
  patience.timed_out();
  CHECK(core::seconds(patience.wait(2s)) == Approx(1.5 * core::seconds(before)));
  for (int i = 0; i < 10; ++i) patience.timed_out();
  CHECK(patience.wait(2s) == 2s);
  patience.answered(100ms);
  CHECK(patience.wait(2s) < 150ms);
  for (int i = 0; i < 100; ++i) patience.answered(1ms);
  CHECK(patience.wait(2s) == 20ms);
}

TEST_CASE("an offer waits longer while none was ever answered") {
  Patience patience(5ms);
  patience.timed_out();
  CHECK(patience.wait(2s) == 750ms);
}

TEST_CASE("timers fire in order, once, and not early") {
  Timers timers;
  TimerSlot a;
  TimerSlot b;
  timers.arm(a, {core::Instant(30ns), TimerKind::kOffer, {}, 0});
  timers.arm(b, {core::Instant(10ns), TimerKind::kPhase, {}, 0});
  timers.arm(a, {core::Instant(40ns), TimerKind::kOffer, {}, 0});  // later: already armed
  CHECK_FALSE(timers.pop(core::Instant(9ns)));
  CHECK(timers.next() == core::Instant(10ns));
  CHECK(timers.pop(core::Instant(30ns))->kind == TimerKind::kPhase);
  const auto fired = timers.pop(core::Instant(30ns));
  REQUIRE(fired);
  CHECK(Timers::fired(a, *fired));
  CHECK_FALSE(timers.pop(core::Instant(1000ns)));
}

}  // namespace
}  // namespace murmur::gossip
