#include "gossip/timers.hpp"

#include "tests/catch.hpp"

namespace murmur::gossip {
namespace {

core::Instant at(int seconds) { return core::Instant(std::chrono::seconds(seconds)); }

TEST_CASE("A deadline that moved to an earlier one fires once") {
  Timers timers;
  TimerSlot slot;
  timers.arm(slot, {at(10), TimerKind::kRequest, {}, 0});
  timers.arm(slot, {at(5), TimerKind::kRequest, {}, 0});
  CHECK(timers.next() == at(5));
  CHECK(Timers::fired(slot, timers.pop(at(5)).value()));
  timers.arm(slot, {at(20), TimerKind::kRequest, {}, 0});
  CHECK_FALSE(Timers::fired(slot, timers.pop(at(10)).value()));
  CHECK(Timers::fired(slot, timers.pop(at(20)).value()));
  CHECK_FALSE(timers.next());
}

TEST_CASE("A deadline that moves later costs nothing until the earlier one fires") {
  Timers timers;
  TimerSlot slot;
  timers.arm(slot, {at(5), TimerKind::kOffer, {}, 0});
  timers.arm(slot, {at(10), TimerKind::kOffer, {}, 0});
  CHECK(Timers::fired(slot, timers.pop(at(5)).value()));
  CHECK_FALSE(timers.next());
}

}  // namespace
}  // namespace murmur::gossip
