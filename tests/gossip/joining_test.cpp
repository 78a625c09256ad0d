// A newcomer, those it asks, and what both say of it: it trains or ends with the reason, never
// stays for ever, and asks no more often than it may.
#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <set>

#include "gossip/machine.hpp"
#include "gossip/report_limit.hpp"
#include "tests/catch.hpp"
#include "tests/gossip/pair.hpp"

namespace murmur::gossip::test {
namespace {

using namespace std::chrono_literals;
using What = PeerReport::What;

bool trains(const Peer& peer) { return peer.machine->phase() == Phase::kTraining; }

std::vector<std::string> said(const Peer& peer, What what) {
  std::vector<std::string> messages;
  for (const PeerReport& report : peer.reported<PeerReport>()) {
    if (report.what == what) messages.push_back(report.message);
  }
  return messages;
}

std::size_t sent(const Net& net, wire::Type type) {
  return static_cast<std::size_t>(
      std::count_if(net.sent.begin(), net.sent.end(), [type](const Send& send) {
        return wire::peek(send.head, core::view(send.payload), 1 << 20)->type == type;
      }));
}

bool contains(const std::optional<std::string>& text, const std::string& part) {
  return text && text->find(part) != std::string::npos;
}

/// A Hello of `id`, of another model unless it has this schema.
Received hello_of(core::PeerId id, const std::string& model, std::uint64_t schema,
                  std::uint64_t step = 0, const Address& address = "x:1") {
  wire::Header header;
  header.schema = schema;
  header.src = id;
  header.src_boot = 1;
  header.step = step;
  wire::Hello hello;
  hello.wants_reply = true;
  hello.nonce = 1;
  hello.address = address;
  hello.model = model;
  return {wire::encode(header, hello, {}), nullptr, ""};
}

TEST_CASE("a newcomer that cannot load the state ends with the reason, said once on both sides") {
  Net net;
  Peer& donor = net.add(3.0F, net.config(0));
  Peer& newcomer = net.add(0.0F, net.config(1));
  newcomer.replica->fits = [](float) { return false; };
  REQUIRE(net.run(30s, [&] { return newcomer.machine->failure().has_value(); }));
  CHECK(newcomer.machine->failure() == "no donor has a state that this peer can use: " +
                                           core::short_name(donor.machine->self().id) +
                                           ": its state does not fit: of another optimizer");
  CHECK(newcomer.machine->phase() == Phase::kDone);
  CHECK(sent(net, wire::Type::kStateChunk) == 1);
  CHECK(said(newcomer, What::kRefused) ==
        std::vector<std::string>{"its state does not fit: of another optimizer"});
  CHECK(said(donor, What::kRefusedUs) ==
        std::vector<std::string>{"its state does not fit: of another optimizer"});
  net.run(5s);
  CHECK(trains(donor));
}

TEST_CASE("a newcomer that cannot load one donor's state takes another's") {
  Net net;
  net.delivers = [](const Send&, wire::Type type) { return type != wire::Type::kOffer; };
  net.add(7.0F, net.config(0));
  net.add(0.0F, net.config(1));
  REQUIRE(net.run(5s, [&] { return trains(*net.peers[1]); }));
  net.peers[1]->replica->x = 3.0F;
  Peer& newcomer = net.add(0.0F, net.config(2));
  newcomer.replica->fits = [](float x) { return x != 7.0F; };
  CHECK(net.run(10s, [&] { return trains(newcomer); }));
  CHECK(newcomer.replica->x == 3.0F);
}

/// Changes each StateChunk on its way.
void alter_chunks(Net& net, std::function<void(wire::StateChunk&, core::Payload&)> change) {
  net.alter = [change = std::move(change)](Send& send) {
    const auto header = wire::peek(send.head, core::view(send.payload), 1 << 20);
    if (header->type != wire::Type::kStateChunk) return;
    auto chunk = std::get<wire::StateChunk>(*wire::parse(*header, send.head));
    change(chunk, send.payload);
    wire::Header again = *header;
    again.payload_size = static_cast<std::uint32_t>(core::view(send.payload).size());
    send.head = wire::encode(again, chunk, core::view(send.payload));
  };
}

TEST_CASE("more than the model can have is not copied") {
  Net net;
  alter_chunks(net, [](wire::StateChunk&, core::Payload& payload) {
    payload = std::make_shared<core::Bytes>(std::size_t{8}, std::byte{0});
  });
  net.add(3.0F, net.config(0));
  Peer& newcomer = net.add(0.0F, net.config(1));
  REQUIRE(net.run(60s, [&] { return newcomer.machine->failure().has_value(); }));
  CHECK(contains(newcomer.machine->failure(), "its state came in wrong pieces"));
  CHECK(sent(net, wire::Type::kStateChunk) == 5);
}

TEST_CASE("a state's chunks are taken in their order, and no other") {
  Net net;
  alter_chunks(net, [](wire::StateChunk& chunk, core::Payload&) { chunk.offset = 0; });
  Config halves = net.config(0);
  halves.state_chunk = 2;
  net.add(3.0F, halves);
  Peer& newcomer = net.add(0.0F, net.config(1));
  net.run(60s);
  CHECK(newcomer.replica->x == 0.0F);
  CHECK(newcomer.machine->status().lineage == 0);
}

TEST_CASE("of a donor with another optimizer the parameters are taken, and that is said") {
  Net net;
  alter_chunks(net, [](wire::StateChunk& chunk, core::Payload&) {
    chunk.state = {
        core::Optimizer::kAdam,
        {core::Plane::kParameters, core::Plane::kFirstMoment, core::Plane::kSecondMoment}};
  });
  net.add(3.0F, net.config(0));
  Peer& newcomer = net.add(0.0F, net.config(1));
  CHECK(net.run(10s, [&] { return trains(newcomer); }));
  CHECK(newcomer.replica->x == 3.0F);
  const auto notices = newcomer.reported<NoticeReport>();
  REQUIRE(notices.size() == 1);
  CHECK(contains(notices[0].message, "the parameters alone"));
}

TEST_CASE("a state that is not finite is not given") {
  Net net;
  Peer& donor = net.add(3.0F, net.config(0));
  net.delivers = [](const Send&, wire::Type type) { return type != wire::Type::kOffer; };
  net.run(100ms);
  donor.replica->x = std::numeric_limits<float>::infinity();
  donor.replica->gradient = 0;
  net.on_work = [&donor](std::size_t, const Work& work) {
    if (std::holds_alternative<TakeSnapshot>(work)) {
      donor.replica->x = std::numeric_limits<float>::infinity();
    }
  };
  Peer& newcomer = net.add(0.0F, net.config(1));
  net.run(1s);
  CHECK(newcomer.replica->x == 0.0F);
  CHECK(newcomer.machine->status().lineage == 0);
}

TEST_CASE("a state of a step that its donor has not reached is not adopted") {
  Net net;
  alter_chunks(net, [](wire::StateChunk& chunk, core::Payload&) { chunk.step = wire::kStepMax; });
  net.add(3.0F, net.config(0));
  Peer& newcomer = net.add(0.0F, net.config(1));
  net.run(60s);
  CHECK(contains(newcomer.machine->failure(), "of step 281474976710656, though it is at"));
  CHECK(newcomer.machine->status().step == 0);
}

TEST_CASE("a message whose step no run can reach is dropped") {
  Net net;
  const Peer& peer = net.add(3.0F, net.config(0));
  const std::uint64_t schema = peer.replica->schema().hash();
  net.inject(0, hello_of({9, 9}, "quadratic:1", schema, wire::kStepMax + 1));
  net.run(1ms);
  CHECK(peer.machine->counters().rejected[static_cast<std::size_t>(Reject::kField)] == 1);
  CHECK(peer.machine->neighbours().empty());
}

TEST_CASE("a newcomer copies what its donor is now, not what it was for an earlier one") {
  Net net;
  net.add(3.0F, net.config(0));
  net.add(0.0F, net.config(1));
  REQUIRE(net.run(5s, [&] { return trains(*net.peers[1]); }));
  net.run(5s);
  net.delivers = [](const Send& send, wire::Type type) {
    return type != wire::Type::kStateRequest || send.to == Net::address(0);
  };
  const Peer& late = net.add(0.0F, net.config(2));
  REQUIRE(net.run(5s, [&] { return trains(late); }));
  CHECK(late.machine->status().step_adopted + 100 > net.peers[0]->machine->status().step);
}

TEST_CASE("copies for newcomers take no more than their share of the lane") {
  Net net;
  net.snapshot_time = 20ms;
  std::size_t copies = 0;
  net.on_work = [&copies](std::size_t, const Work& work) {
    copies += std::holds_alternative<TakeSnapshot>(work) ? 1 : 0;
  };
  net.add(3.0F, net.config(0));
  for (std::size_t i = 1; i <= 20; ++i) {
    net.add(0.0F, net.config(i));
    net.run(100ms);
  }
  CHECK(copies <= 3);  // 20 ms are 2 % of a second
}

/// Told of each chunk of a state that is sent, and to whom.
void watch_chunks(Net& net, std::function<void(const Address& to, const core::Payload&)> watch) {
  net.alter = [watch = std::move(watch)](Send& send) {
    const auto header = wire::peek(send.head, core::view(send.payload), 1 << 20);
    if (header->type == wire::Type::kStateChunk) watch(send.to, send.payload);
  };
}

TEST_CASE("newcomers that ask at once are sent the same bytes, and keep them as they came") {
  Net net;
  std::set<const core::Bytes*> chunks;
  watch_chunks(net,
               [&](const Address&, const core::Payload& chunk) { chunks.insert(chunk.get()); });
  std::size_t adopted = 0;
  net.on_work = [&](std::size_t, const Work& work) {
    const auto* adopt = std::get_if<Adopt>(&work);
    if (adopt == nullptr) return;
    ++adopted;
    CHECK(chunks.contains(adopt->state.planes.read(0, sizeof(float)).get()));
  };
  net.add(3.0F, net.config(0));
  for (std::size_t i = 1; i <= 3; ++i) net.add(0.0F, net.config(i));
  REQUIRE(net.run(10s, [&] {
    return std::all_of(net.peers.begin(), net.peers.end(),
                       [](const auto& peer) { return trains(*peer); });
  }));
  CHECK(adopted == 3);
  CHECK(chunks.size() == 1);
}

TEST_CASE("a copy goes once those that asked for it have it, and the next would get a newer one") {
  Net net;
  std::vector<std::weak_ptr<const core::Bytes>> copies;
  watch_chunks(net,
               [&](const Address&, const core::Payload& chunk) { copies.emplace_back(chunk); });
  const auto kept = [&] {
    net.sent.clear();  // it holds what was sent
    return std::count_if(copies.begin(), copies.end(),
                         [](const auto& copy) { return !copy.expired(); });
  };
  net.add(3.0F, net.config(0));
  Peer& newcomer = net.add(0.0F, net.config(1));
  bool lost = GENERATE(false, true);
  net.delivers = [&](const Send& send, wire::Type type) {
    return !lost || type != wire::Type::kStateChunk || send.to != Net::address(2);
  };
  if (lost) net.add(0.0F, net.config(2));
  REQUIRE(net.run(10s, [&] { return trains(newcomer); }));
  CHECK(kept() > 0);
  net.run(200ms);
  CHECK((kept() > 0) == lost);
  if (!lost) return;
  lost = false;
  REQUIRE(net.run(10s, [&] { return trains(*net.peers[2]); }));
  net.run(200ms);
  CHECK(kept() == 0);
}

TEST_CASE("a peer that trains alone refuses in words who would exchange, and ends") {
  Net net;
  Config alone = net.config(0);
  alone.rule = Rule::kNone;
  Peer& peer = net.add(3.0F, alone);
  Peer& newcomer = net.add(0.0F, net.config(1));
  net.run(1s);
  CHECK(newcomer.machine->failure() ==
        "every contact refused this peer: it trains alone (rule none)");
  CHECK(said(peer, What::kRefused) ==
        std::vector<std::string>{"this peer trains alone (rule none)"});
  CHECK(peer.machine->neighbours().empty());
  net.give(0, Stop{});
  CHECK(net.run(100ms, [&] { return peer.machine->phase() == Phase::kDone; }));
}

TEST_CASE("a contact without room names others, and the newcomer joins them") {
  Net net;
  Config full = net.config(0);
  full.links_max = 2;
  net.add(3.0F, full);
  for (std::size_t i = 1; i <= 2; ++i) net.add(0.0F, net.config(i));
  REQUIRE(net.run(10s, [&] { return net.peers[0]->machine->status().neighbours == 2; }));
  Peer& late = net.add(0.0F, net.config(3));
  CHECK(net.run(5s, [&] { return trains(late); }));
  CHECK(late.replica->x == 3.0F);
  CHECK(said(late, What::kRefusedUs) ==
        std::vector<std::string>{"its 2 links are taken; it has named others to try"});
  CHECK(net.peers[0]->machine->neighbours().size() == 2);
}

TEST_CASE("a newcomer that only a full contact answers ends with that") {
  Net net;
  Config full = net.config(0);
  full.links_max = 1;
  net.add(3.0F, full);
  net.add(0.0F, net.config(1));
  REQUIRE(net.run(10s, [&] { return net.peers[0]->machine->status().neighbours == 1; }));
  net.delivers = [](const Send& send, wire::Type) { return send.to != Net::address(1); };
  net.run(1s);
  Peer& late = net.add(0.0F, net.config(2));
  net.run(2s);
  net.delivers = [](const Send& send, wire::Type) { return send.to != Net::address(0); };
  net.run(40s);
  CHECK(late.machine->failure().has_value());
}

TEST_CASE("newcomers that know only each other say that none has parameters") {
  Net net;
  Config config = net.config(0);
  config.join = {Net::address(1)};
  Peer& one = net.add(0.0F, config);
  net.add(0.0F, net.config(1));
  net.run(35s);
  CHECK(one.machine->failure() ==
        "met 1 peer within 30s, none of which has parameters: one must start without --join");
}

TEST_CASE("a peer that joins itself says so at once") {
  Net net;
  Config config = net.config(0);
  config.join = {Net::address(0)};
  Peer& peer = net.add(0.0F, config);
  net.run(10ms);
  CHECK(peer.machine->failure() == "every contact refused this peer: p:0 is this peer itself");
}

TEST_CASE("a process under this peer's id is noticed") {
  Net net;
  Peer& peer = net.add(0.0F, net.config(0));
  for (int i = 0; i < 3; ++i) {
    net.inject(0, hello_of(peer.machine->self().id, "quadratic:1", peer.replica->schema().hash()));
    net.run(1s);
  }
  CHECK(said(peer, What::kRefused) ==
        std::vector<std::string>{"another process runs under this peer's id"});
  CHECK_FALSE(peer.machine->failure());
}

TEST_CASE("two runs that differ say so once a boot, on both sides, and mix all the same") {
  Net net;
  Config one = net.config(0);
  one.words = {"optimizer=sgd", "rule=average", "seed=1", "part=0/2"};
  Config other = net.config(1);
  other.words = {"optimizer=adam", "rule=average", "seed=2", "part=0/2", "more=1"};
  other.save_every = 100ms;
  net.add(0.0F, one);
  net.add(0.0F, other);
  net.run(5s);
  CHECK(said(*net.peers[0], What::kDiffers) ==
        std::vector<std::string>{
            "optimizer sgd here, adam there; seed 1 here, 2 there; part 0/2 here and there"});
  CHECK(said(*net.peers[1], What::kDiffers) ==
        std::vector<std::string>{
            "optimizer adam here, sgd there; seed 2 here, 1 there; part 0/2 here and there"});
  CHECK(trains(*net.peers[1]));
}

TEST_CASE("parts of one swarm are of one count") {
  Net net;
  Config one = net.config(0);
  one.words = {"part=0/2"};
  Config other = net.config(1);
  other.words = {"part=1/3"};
  net.add(0.0F, one);
  net.add(0.0F, other);
  net.run(5s);
  CHECK(said(*net.peers[0], What::kDiffers) ==
        std::vector<std::string>{"part 0/2 here, 1/3 there"});
}

TEST_CASE("a refusal names both models, without the words that follow, and never twice the same") {
  Net net;
  Peer& peer = net.add(0.0F, net.config(0));
  net.inject(0, hello_of({9, 1}, "mlp:2-2 seed=1", 1));
  net.inject(0, hello_of({9, 2}, "quadratic:1 seed=1", 1));
  net.run(1ms);
  CHECK(said(peer, What::kRefused) ==
        std::vector<std::string>{
            "model 'quadratic:1' here, 'mlp:2-2' there",
            "model 'quadratic:1' here and there, but of other tensors or shards"});
}

TEST_CASE("a stream of strangers' Hellos makes so many reports a minute, and counts the others") {
  Net net;
  Peer& peer = net.add(0.0F, net.config(0));
  for (std::uint64_t i = 1; i <= 600; ++i) {
    net.inject(0, hello_of({9, i}, "mlp:2-2", 1));
    net.run(100ms);
  }
  const std::vector<std::string> messages = said(peer, What::kRefused);
  CHECK(messages.size() <= 60);  // one minute's worth at once, and one as time goes on
  CHECK(std::any_of(messages.begin(), messages.end(), [](const std::string& m) {
    return m.find("more reports of peers were left out") != std::string::npos;
  }));
  // The same one again is not news.
  const std::size_t before = messages.size();
  net.run(60s);
  for (int i = 0; i < 10; ++i) {
    net.inject(0, hello_of({9, 600}, "mlp:2-2", 1));
    net.run(1ms);
  }
  CHECK(said(peer, What::kRefused).size() <= before + 1);
}

TEST_CASE("links that come and go are all reported in an honest swarm") {
  ReportLimit limit;
  const auto now = core::Instant(1s);
  std::size_t said_so_far = 0;
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    PeerReport report{What::kUp, {1, i}, {}, {}};
    said_so_far += limit.allows(now, report, 1024) ? 1 : 0;
  }
  CHECK(said_so_far == 1024);
}

}  // namespace
}  // namespace murmur::gossip::test
