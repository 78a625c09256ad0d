// Exchange: what a neighbour may send at the wrong moment, or should not send at all.
#include "gossip/exchange.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "tests/catch.hpp"
#include "tests/gossip/pair.hpp"

namespace murmur::gossip::test {
namespace {

using namespace std::chrono_literals;

/// Peer 0 with a neighbour whose own messages can be made up: it has one offer of peer 0's.
class Forged {
 public:
  Forged() {
    net.add(0.0F, net.config(0));
    net.add(0.0F, net.config(1));
    REQUIRE(net.run(10s, [&] { return peer().machine->status().neighbours == 1; }));
    net.run(100ms);
    // From here on peer 1 does nothing of itself.
    net.delivers = [](const Send& send, wire::Type type) {
      return send.to == Net::address(1) && type != wire::Type::kOffer;
    };
    net.run(300ms, [&] { return last_offer().has_value(); });
    REQUIRE(last_offer());
    REQUIRE(edge().outbox().empty());
  }

  Peer& peer() { return *net.peers[0]; }
  const Edge& edge() { return *peer().machine->edge(net.peers[1]->machine->self().id); }

  /// Of what peer 0 sent.
  template <class Message>
  std::optional<Message> last() const {
    std::optional<Message> found;
    for (const Send& send : net.sent) {
      const auto header = wire::peek(send.head, core::view(send.payload), 1 << 20);
      if (header->src.low != 1) continue;
      auto body = wire::parse(*header, send.head);
      if (auto* message = std::get_if<Message>(&*body)) found = *message;
    }
    return found;
  }
  [[nodiscard]] std::optional<wire::Offer> last_offer() const { return last<wire::Offer>(); }

  /// The one that peer 1 would make now, of the difference `d`.
  wire::Transfer transfer() {
    const core::TransferId seen = edge().highest_seen();
    wire::Transfer next;
    next.id = {1, seen.boot == 1 ? seen.seq + 1 : 1};
    next.offer = last_offer()->id;
    next.weight = 0.5F;
    next.step = 1;
    next.planes = wire::parameters(core::Codec::kFp32, floats(1));
    return next;
  }
  void inject(const wire::Body& body, const core::Payload& payload = nullptr) {
    wire::Header header;
    header.lineage = peer().machine->status().lineage;
    header.schema = peer().replica->schema().hash();
    header.src = net.peers[1]->machine->self().id;
    header.src_boot = 1;
    header.dst = peer().machine->self().id;
    header.dst_boot = 1;
    header.phase = Phase::kTraining;
    net.inject(0, {wire::encode(header, body, core::view(payload)), payload, "p"});
  }
  /// From now on peer 0 makes no offers, which would cross those of peer 1.
  void hold_offers() {
    inject(wire::Decline{last_offer()->id, wire::DeclineReason::kBusy, 60'000});
    net.run(5ms);
  }
  static core::Payload floats(std::size_t count) {
    core::Bytes bytes(count * sizeof(float));
    const float value = 4;
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(bytes.data() + i * sizeof value, &value, sizeof value);
    }
    return std::make_shared<const core::Bytes>(std::move(bytes));
  }

  Net net;
};

TEST_CASE("a transfer that cannot be applied is receipted as refused, and changes nothing") {
  Forged forged;
  wire::Transfer transfer = forged.transfer();
  std::size_t floats = 1;
  SECTION("a weight of nothing") { transfer.weight = 0; }
  SECTION("a weight below nothing") { transfer.weight = -0.5F; }
  SECTION("a weight above one") { transfer.weight = 2; }
  SECTION("a weight that is not a number") {
    transfer.weight = std::numeric_limits<float>::quiet_NaN();
  }
  SECTION("a shard that the model has not") { transfer.shard = 1; }
  SECTION("too long") { floats = 2; }
  SECTION("another codec than its length") { transfer.planes[0].codec = core::Codec::kFp16; }
  SECTION("another plane than the rule exchanges") {
    transfer.planes[0].plane = core::Plane::kFirstMoment;
  }
  transfer.planes[0].size = static_cast<std::uint32_t>(4 * floats);
  forged.inject(transfer, Forged::floats(floats));
  forged.net.run(50ms);
  CHECK(forged.peer().replica->x == 0);
  CHECK(forged.edge().refused == 1);
  const auto receipt = forged.last<wire::Receipt>();
  REQUIRE(receipt);
  CHECK(receipt->up_to == transfer.id);
  REQUIRE_FALSE(receipt->decided.empty());
  CHECK(receipt->decided.back() == Decided{transfer.id, true, {}});
}

TEST_CASE("a transfer that can be applied is") {
  Forged forged;
  forged.inject(forged.transfer(), Forged::floats(1));
  forged.net.run(50ms);
  CHECK(forged.peer().replica->x == -2);
  CHECK(forged.edge().refused == 0);
}

TEST_CASE("a second offer of one shard is declined while the first one's transfer is unreceipted") {
  Forged forged;
  forged.hold_offers();
  const auto offer = [&](std::uint64_t number) {
    const core::Payload payload = Forged::floats(1);
    forged.inject(wire::Offer{{1, number}, 0, 0, wire::parameters(core::Codec::kFp32, payload)},
                  payload);
    forged.net.run(50ms);
  };
  offer(1'000);
  REQUIRE(forged.edge().outbox().size() == 1);
  const float once = forged.peer().replica->x;
  offer(1'001);
  CHECK(forged.edge().outbox().size() == 1);
  CHECK(forged.peer().replica->x == once);
  CHECK(forged.last<wire::Decline>()->reason == wire::DeclineReason::kBusy);
  // Its receipt makes way for the next.
  const core::TransferId id = forged.edge().outbox().front().id;
  forged.inject(wire::Receipt{id, {{id, false, {kWholeShare}}}});
  offer(1'002);
  REQUIRE(forged.edge().outbox().size() == 1);
  CHECK(forged.edge().outbox().front().offer == core::OfferId{1, 1'002});
}

TEST_CASE("a receipt of what was never given, or of too much, settles nothing else") {
  Forged forged;
  forged.hold_offers();
  const core::Payload payload = Forged::floats(1);
  forged.inject(wire::Offer{{1, 1'000}, 0, 0, wire::parameters(core::Codec::kFp32, payload)},
                payload);
  forged.net.run(50ms);
  REQUIRE(forged.edge().outbox().size() == 1);
  const core::TransferId id = forged.edge().outbox().front().id;
  const auto receipts = [&] { return forged.peer().machine->counters().receipts_taken; };
  const std::uint64_t before = receipts();
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  forged.inject(wire::Receipt{{1, kAll}, {}});
  forged.inject(wire::Receipt{{9, kAll}, {{{9, kAll}, false, {kWholeShare}}}});
  forged.inject(wire::Receipt{{id.boot, id.seq + 1}, {{{id.boot, id.seq + 1}, false, {}}}});
  std::vector<Decided> many;
  for (std::uint64_t i = 1; i <= kWindowMax; ++i) many.push_back({{1, id.seq + i}, true, {}});
  forged.inject(wire::Receipt{many.back().id, many});
  forged.net.run(10ms);
  CHECK(forged.edge().outbox().size() == 1);
  CHECK(receipts() == before);
  forged.inject(wire::Receipt{id, {{id, true, {}}}});
  forged.net.run(10ms);
  CHECK(forged.edge().outbox().empty());
  CHECK(forged.peer().machine->counters().receipts_refused == 1);
}

TEST_CASE("a Void of a transfer that waits for the lane does not take its place") {
  Forged forged;
  forged.net.work_time = 20ms;
  forged.net.run(30ms);
  const wire::Transfer transfer = forged.transfer();
  forged.inject(transfer, Forged::floats(1));
  forged.inject(wire::Void{transfer.id});
  forged.net.run(1ms);
  REQUIRE(forged.edge().voided == 0);
  forged.net.run(100ms);
  CHECK(forged.peer().replica->x == -2);
  CHECK(forged.last<wire::Receipt>()->up_to == transfer.id);
}

/// Two peers of which the second saves once, early, and is killed when `when` says so of the work
/// that the first begins; then it comes back from that checkpoint while that work is in the lane.
struct Restart {
  /// The first has so many offers in flight.
  Restart(std::size_t offers, const std::function<bool(const Work&)>& when) {
    Config first = net.config(0);
    first.offers_max = offers;
    net.add(0.0F, first);
    Config config = net.config(1);
    config.save_every = 50ms;
    net.add(0.0F, config);
    REQUIRE(net.run(10s, [&] { return peer(0).machine->status().neighbours == 1; }));
    net.run(200ms);
    for (const auto& p : net.peers) p->storage.failures = 1'000'000;
    net.run(200ms);
    bool met = false;
    net.on_work = [&](std::size_t index, const Work& work) {
      if (index != 0 || met || !when(work)) return;
      met = true;
      net.work_time = 500ms;
    };
    REQUIRE(net.run(10s, [&] { return met; }));
    net.on_work = [](std::size_t, const Work&) {};
    net.kill(1);
    net.start(1, true);
  }
  void let_lane_end() {
    net.run(490ms);
    net.work_time = 1ms;
    net.run(100ms);
    REQUIRE(net.run(10s, [&] { return peer(1).machine->status().neighbours == 1; }));
    net.run(100ms);
  }
  Peer& peer(std::size_t i) { return *net.peers[i]; }
  const Edge& edge(std::size_t from, std::size_t to) {
    return *peer(from).machine->edge(peer(to).machine->self().id);
  }
  static std::uint64_t of_first_boot(const std::vector<BootSeq>& list) {
    const auto it =
        std::find_if(list.begin(), list.end(), [](const BootSeq& b) { return b.boot == 1; });
    return it == list.end() ? 0 : it->seq;
  }
  Net net;
};

TEST_CASE("what is in the lane when its maker comes back without it counts as lost there") {
  Restart restart(1, [](const Work& work) { return std::holds_alternative<Absorb>(work); });
  const std::uint64_t known = Restart::of_first_boot(restart.edge(1, 0).facts().created);
  restart.let_lane_end();
  const std::uint64_t taken = Restart::of_first_boot(restart.edge(0, 1).facts().seen);
  REQUIRE(taken > known);
  CHECK(restart.edge(0, 1).lost_there == taken - known);
}

TEST_CASE("what is in the lane for one that comes back meanwhile is taken by it") {
  Restart restart(0, [](const Work& work) { return std::holds_alternative<Respond>(work); });
  const std::uint64_t made = Restart::of_first_boot(restart.edge(0, 1).facts().created);
  restart.let_lane_end();
  REQUIRE(Restart::of_first_boot(restart.edge(0, 1).facts().created) > made);
  CHECK(restart.edge(1, 0).refused == 0);
}

TEST_CASE("an offer of one that has come back since is not served") {
  Restart restart(0, [](const Work& work) { return std::holds_alternative<Train>(work); });
  // One more offer of the boot that has ended, as if it had been under way.
  wire::Header header;
  header.schema = restart.peer(0).replica->schema().hash();
  header.lineage = restart.peer(0).machine->status().lineage;
  header.src = restart.peer(1).machine->self().id;
  header.src_boot = 1;
  header.dst = restart.peer(0).machine->self().id;
  header.dst_boot = 1;
  header.phase = Phase::kTraining;
  const core::Payload payload = Forged::floats(1);
  restart.net.give(
      0,
      Received{wire::encode(
                   header,
                   wire::Offer{{1, 1'000'000}, 0, 0, wire::parameters(core::Codec::kFp32, payload)},
                   core::view(payload)),
               payload, "p"});
  restart.let_lane_end();
  CHECK(restart.edge(1, 0).refused == 0);
}

TEST_CASE("who leaves has no offer in flight") {
  for (int trial = 0; trial < 10; ++trial) {
    Net net;
    net.delay = 20ms;
    for (std::size_t i = 0; i < 3; ++i) {
      Config config = net.config(i);
      config.steps_max = 500 + static_cast<std::uint64_t>(trial);
      net.add(1.0F, config);
    }
    for (const auto& peer : net.peers) {
      REQUIRE(net.run(60s, [&] { return peer->machine->phase() == Phase::kDone; }));
    }
    for (const auto& peer : net.peers) {
      const Counters& c = peer->machine->counters();
      CHECK(c.offers_made <=
            c.transfers_applied + c.declines_received + c.offers_timed_out + c.offers_withdrawn);
    }
  }
}

}  // namespace
}  // namespace murmur::gossip::test
