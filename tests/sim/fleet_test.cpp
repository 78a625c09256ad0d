// Whole runs: each kind of fault alone, and that a run repeats.
#include "sim/fleet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "tests/catch.hpp"
#include "tests/gossip/one_float.hpp"
#include "tests/sanitized.hpp"
#include "tests/sim/swarm.hpp"

namespace murmur::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::quick;

Outcome run_quick(const SimConfig& config) {
  auto outcome = run(config, test::quadratics(16, config.seed));
  REQUIRE(outcome);
  INFO("seed " << config.seed << " " << to_flags(config.faults));
  for (const std::string& violation : outcome->violations) FAIL_CHECK(violation);
  CHECK_FALSE(outcome->timed_out);
  CHECK(outcome->unresolved == 0);
  return *std::move(outcome);
}

void check_learned(const Outcome& outcome, std::uint64_t steps) {
  CHECK(outcome.spread < 0.02);
  for (const PeerOutcome& peer : outcome.peers) {
    if (peer.up) CHECK(peer.steps == steps);
  }
}

TEST_CASE("a seed gives one run, and another seed another") {
  SimConfig config = quick();
  config.faults.loss = 0.1;
  config.faults.delay = *parse_distribution("exp:10ms");
  const Outcome once = run_quick(config);
  const Outcome again = run_quick(config);
  CHECK(once.trace_hash == again.trace_hash);
  CHECK(once.events == again.events);
  CHECK(once.spread == again.spread);
  config.checks = Checks::kNone;
  CHECK(run_quick(config).trace_hash == once.trace_hash);
  config.seed = 2;
  CHECK(run_quick(config).trace_hash != once.trace_hash);
}

TEST_CASE("peers without faults train, exchange, agree and end") {
  const Outcome outcome = run_quick(quick());
  check_learned(outcome, 600);
  CHECK(outcome.exchanges > 300);
  CHECK(outcome.checks > outcome.events);
  for (const PeerOutcome& peer : outcome.peers) {
    CHECK(peer.phase == gossip::Phase::kDone);
    CHECK(peer.exchanges > 0);
    CHECK(peer.seconds < 10);
  }
}

/// Knows how many of the copies that replicas of its kind gave are held when they are evaluated.
class Watched : public gossip::test::OneFloat {
 public:
  struct Seen {
    std::vector<std::weak_ptr<const core::Bytes>> copies;
    std::vector<std::ptrdiff_t> held;  ///< at each evaluation
  };
  explicit Watched(Seen& seen) : OneFloat(1.0F), seen_(seen) {}
  core::Snapshot snapshot() override {
    core::Snapshot own = OneFloat::snapshot();
    seen_.copies.emplace_back(own.planes.read(0, own.planes.size()));
    return own;
  }
  core::Evaluation evaluate() override {
    seen_.held.push_back(std::count_if(seen_.copies.begin(), seen_.copies.end(),
                                       [](const auto& copy) { return !copy.expired(); }));
    return OneFloat::evaluate();
  }

 private:
  Seen& seen_;
};

TEST_CASE("the replicas are evaluated at the end, when nothing of the run is held any more") {
  SimConfig config = quick(8);
  config.gossip.steps_max = 300;
  config.gossip.copy_share_max = 1e-5;  // copies stay for the next newcomer as long as they may
  Watched::Seen seen;
  const auto outcome =
      run(config, [&](std::size_t, std::size_t) { return std::make_unique<Watched>(seen); });
  REQUIRE(outcome);
  CHECK(outcome->violations.empty());
  CHECK_FALSE(seen.copies.empty());
  REQUIRE(seen.held.size() >= config.peers);
  CHECK(std::vector(seen.held.end() - 8, seen.held.end()) == std::vector<std::ptrdiff_t>(8, 0));
}

TEST_CASE("two peers exchange different shards both ways at once") {
  if (murmur::test::kSanitized) return;  // steps of 1.5 million parameters, for many minutes there
  SimConfig config = quick(2);
  config.gossip.steps_max = 600;
  config.gossip.exchange_every = 1;
  config.faults.delay = *parse_distribution("30ms");
  config.checks = Checks::kProtocol;
  const auto outcome = run(config, test::quadratics(3 << 19, config.seed, 3));
  REQUIRE(outcome);
  for (const PeerOutcome& peer : outcome->peers) {
    CHECK(peer.counters.offers_made > 10);
    CHECK(peer.counters.offers_withdrawn <= 2);  // both begin at once: to train, to settle
    CHECK(peer.counters.declines_sent <= 2);
  }
}

TEST_CASE("a window of several takes a distant pair through more exchanges than one of one") {
  const auto exchanges = [](std::size_t window, std::size_t shards) {
    SimConfig config = quick(2);
    config.gossip.exchange_every = 1;
    config.gossip.window = config.gossip.offers_max = window;
    config.gossip.settle_max = core::Duration{0};
    config.faults.delay = *parse_distribution("50ms");
    const auto outcome = run(config, test::quadratics(64, config.seed, shards));
    REQUIRE(outcome);
    CHECK(outcome->violations.empty());
    CHECK(outcome->unresolved == 0);
    return outcome->exchanges;
  };
  const std::uint64_t one = exchanges(1, 32);
  CHECK(2 * exchanges(4, 32) > 5 * one);
  // Of one shard no more than one is on its way, whatever the window.
  CHECK(exchanges(4, 1) < one * 3 / 2);
}

TEST_CASE("a lossy network with any window loses nothing and has nothing left to settle") {
  for (const std::size_t window : {1, 2, 8, 16}) {
    CAPTURE(window);
    SimConfig config = quick(4);
    config.gossip.exchange_every = 1;
    config.gossip.window = config.gossip.offers_max = window;
    config.faults.loss = 0.3;
    config.faults.duplicate = 0.3;
    config.faults.delay = *parse_distribution("exp:30ms");
    config.faults.calm_from = seconds(5);
    const auto outcome = run(config, test::quadratics(64, config.seed, 16));
    REQUIRE(outcome);
    for (const std::string& violation : outcome->violations) FAIL_CHECK(violation);
    CHECK(outcome->unresolved == 0);
    for (const PeerOutcome& peer : outcome->peers) {
      CHECK(peer.counters.lost_here + peer.counters.lost_there == 0);
      CHECK(peer.counters.rejected[static_cast<std::size_t>(gossip::Reject::kOutOfTurn)] == 0);
      CHECK(peer.counters.rejected[static_cast<std::size_t>(gossip::Reject::kUnasked)] == 0);
    }
  }
}

TEST_CASE("offers in flight do not make the replicas of a distant fleet circle each other") {
  for (const std::string delay : {"20ms", "50ms", "150ms"}) {
    for (const std::size_t peers : {3, 6, 9}) {
      CAPTURE(delay, peers);
      SimConfig config = quick(peers);
      config.gossip.steps_max = 2000;
      config.gossip.exchange_every = 1;
      config.gossip.settle_max = config.gossip.linger = core::Duration{0};
      config.faults.delay = *parse_distribution(delay);
      config.checks = Checks::kProtocol;
      const auto outcome = run(config, test::quadratics(64, config.seed));
      REQUIRE(outcome);
      CHECK(outcome->spread < 0.5);
    }
  }
}

TEST_CASE("a slow link is not filled with repeats of what is still under way") {
  if (murmur::test::kSanitized) return;  // replicas of 0.8 MB, for three minutes there
  SimConfig config = quick(8);
  config.gossip.steps_max = 1500;
  config.gossip.exchange_every = 0;
  config.faults.bandwidth =
      1e6;  // an offer takes 0.4 s, more than the first wait in a queue of two
  config.checks = Checks::kProtocol;
  const auto outcome = run(config, test::quadratics(200'000, config.seed));
  REQUIRE(outcome);
  std::uint64_t made = 0;
  std::uint64_t repeated = 0;
  std::uint64_t offers = 0;
  std::uint64_t late = 0;
  for (const PeerOutcome& peer : outcome->peers) {
    made += peer.counters.transfers_made;
    repeated += peer.counters.transfers_resent;
    offers += peer.counters.offers_made;
    late += peer.counters.offers_timed_out;
  }
  CHECK(made > 50);
  CHECK(repeated < made / 4);
  CHECK(late < offers / 3);  // most of them before anything is known of the link
}

TEST_CASE("every transfer of a peer that has ended is receipted or counted as not") {
  SimConfig config = quick();
  config.gossip.exchange_every = 1;
  config.gossip.settle_max = config.gossip.linger = core::Duration{0};
  config.faults.loss = 0.2;
  config.faults.delay = *parse_distribution("exp:50ms");
  const auto outcome = run(config, test::quadratics(16, config.seed));
  REQUIRE(outcome);
  std::uint64_t unreceipted = 0;
  for (const PeerOutcome& peer : outcome->peers) {
    const gossip::Counters& c = peer.counters;
    CHECK(peer.phase == gossip::Phase::kDone);
    CHECK(c.transfers_made == c.receipts_taken + c.unreceipted);
    unreceipted += c.unreceipted;
  }
  CHECK(unreceipted > 0);
}

TEST_CASE("a single peer trains alone") { check_learned(run_quick(quick(1)), 600); }

TEST_CASE("one kind of fault alone breaks nothing") {
  SimConfig config = quick();
  FaultPlan& faults = config.faults;
  faults.calm_from = seconds(6);
  SECTION("loss") { faults.loss = 0.3; }
  SECTION("duplication") { faults.duplicate = 0.5; }
  SECTION("corruption") { faults.corrupt = 0.2; }
  SECTION("delay, and so reordering") { faults.delay = *parse_distribution("exp:50ms"); }
  SECTION("bandwidth") { faults.bandwidth = 1e5; }
  SECTION("a straggler") { faults.stragglers = {{2, 5}}; }
  SECTION("a cut into halves") { faults.cuts = {*parse_cut("1s+2s")}; }
  SECTION("a cut one way") { faults.cuts = {*parse_cut("1s+2s:one-way")}; }
  SECTION("a crash with state") { faults.crashes = {*parse_crash("2@2s+500ms")}; }
  SECTION("a crash without state") { faults.crashes = {*parse_crash("2@2s+500ms:empty")}; }
  SECTION("a crash for good") { faults.crashes = {*parse_crash("5@2s")}; }
  check_learned(run_quick(config), 600);
}

TEST_CASE("training goes on while every link is cut") {
  SimConfig config = quick();
  config.gossip.settle_max = {};
  // A step takes 10 ms, so 600 take 6 s, and a little for what was exchanged before the cut.
  config.faults.cuts = {*parse_cut("1s+60s:all")};
  const Outcome outcome = run_quick(config);
  for (const PeerOutcome& peer : outcome.peers) {
    CHECK(peer.steps == 600);
    CHECK(peer.seconds < 7);
  }
}

TEST_CASE(
    "a peer that comes back with its state resumes its steps; an empty one copies a neighbour's") {
  SimConfig config = quick();
  config.faults.crashes = {*parse_crash("2@3s+100ms"), *parse_crash("3@3s+100ms:empty")};
  std::vector<std::uint64_t> first_step(config.peers, 0);
  config.on_report = [&](std::size_t peer, core::Duration now, const gossip::Report& report) {
    const auto* trained = std::get_if<gossip::TrainReport>(&report);
    if (trained != nullptr && now > seconds(3) && first_step[peer] == 0)
      first_step[peer] = trained->step;
  };
  const Outcome outcome = run_quick(config);
  // The checkpoint was at most 300 ms old; the neighbours were a little behind step 300.
  CHECK(first_step[2] > 220);
  CHECK(first_step[2] < 300);
  CHECK(first_step[3] > 240);
  CHECK(outcome.peers[2].incarnations == 2);
  CHECK(outcome.peers[3].incarnations == 2);
}

TEST_CASE("a fleet larger than a peer's links makes room and keeps its books") {
  SimConfig config = quick(20);
  config.gossip.view_max = 4;
  config.gossip.links_max = 12;
  config.faults.crashes = {*parse_crash("7@2s+500ms")};
  for (const PeerOutcome& peer : run_quick(config).peers) CHECK(peer.steps == 600);
}

TEST_CASE("a peer that is killed before it was started starts when the crash says") {
  SimConfig config = quick(12);
  // Peers but the first start within 10 ms: some of these crashes and restarts are earlier.
  for (std::size_t peer = 1; peer < 12; ++peer) {
    Crash crash{peer, std::chrono::microseconds(100), milliseconds(peer % 2 == 0 ? 1 : 500),
                peer % 3 != 0};
    config.faults.crashes.push_back(crash);
  }
  for (std::size_t peer = 1; peer < 12; peer += 4)
    config.faults.crashes.push_back({peer, seconds(2), milliseconds(100), true});
  const Outcome outcome = run_quick(config);
  check_learned(outcome, 600);
  CHECK(outcome.peers[3].incarnations == 1);
  CHECK(outcome.peers[5].incarnations == 2);
}

TEST_CASE("the outcome tells of a peer that never came back") {
  SimConfig config = quick();
  config.faults.crashes = {*parse_crash("5@2s")};
  const Outcome outcome = run_quick(config);
  CHECK_FALSE(outcome.peers[5].up);
  CHECK(outcome.peers[5].replica == nullptr);
  CHECK(outcome.peers[4].up);
}

TEST_CASE("a newcomer that comes when all others have gone ends with a note, not a violation") {
  SimConfig config = quick(16);
  config.gossip.steps_max = 100;
  config.gossip.linger = seconds(5);
  config.faults.crashes = {*parse_crash("15@1ms+30s:empty")};
  const Outcome outcome = run_quick(config);
  REQUIRE(outcome.notes.size() == 1);
  CHECK(outcome.notes[0].find("peer 15 ended: ") != std::string::npos);
  CHECK_FALSE(outcome.peers[15].up);
  CHECK_FALSE(outcome.peers[15].failure.empty());
  CHECK(outcome.peers[14].failure.empty());
}

TEST_CASE("without a founder every peer ends, and the run with them") {
  SimConfig config = quick(4);
  config.faults.crashes = {*parse_crash("0@0s")};
  const Outcome outcome = run_quick(config);
  CHECK(outcome.notes.size() == 3);
  CHECK(outcome.now < seconds(40));
}

TEST_CASE("a peer whose training gives NaN ends, and nothing of it reaches the others") {
  SimConfig config = quick();
  config.faults.divergences = {*parse_divergence("3@2s")};
  const Outcome outcome = run_quick(config);
  check_learned(outcome, 600);
  CHECK(outcome.peers[3].failure.find("diverged at step") == 0);
  CHECK(outcome.notes.size() == 1);
}

TEST_CASE("a peer that diverged starts again from its last finite checkpoint") {
  SimConfig config = quick();
  config.faults.divergences = {*parse_divergence("3@2s")};
  config.faults.crashes = {*parse_crash("3@3s+100ms")};
  check_learned(run_quick(config), 600);
}

TEST_CASE("a peer that is asked to stop settles; asked again it leaves at once") {
  SimConfig config = quick();
  config.faults.stops = {*parse_stop("3@2s"), *parse_stop("4@2s"), *parse_stop("4@2s")};
  const Outcome outcome = run_quick(config);
  CHECK(outcome.peers[3].steps < 250);
  CHECK(outcome.peers[3].phase == gossip::Phase::kDone);
  CHECK(outcome.peers[4].seconds < 2.1);
  CHECK(outcome.peers[5].steps == 600);
}

TEST_CASE("a neighbour that left far apart does not keep the others settling") {
  SimConfig config = quick(3);
  gossip::Config own = config.gossip;
  own.settle_max = milliseconds(15);
  config.faults.delay = *parse_distribution("3ms");
  own.linger = core::Duration{0};
  config.own[2] = own;
  const Outcome outcome = run_quick(config);
  CHECK(outcome.peers[0].seconds < 12);
  CHECK(outcome.peers[1].seconds < 12);
}

TEST_CASE("the books hold when a crash finds the newest checkpoint torn, or none was written") {
  SimConfig config = quick();
  config.faults.calm_from = seconds(6);
  config.faults.torn = 1;
  SECTION("torn") {}
  SECTION("half of the saves fail") { config.faults.save_fails = 0.5; }
  SECTION("none is written") { config.faults.save_fails = 1; }
  for (const char* crash : {"2@1s+100ms", "2@2s+100ms", "2@2150ms+1ms", "3@2s+1s", "3@4s+500ms"})
    config.faults.crashes.push_back(*parse_crash(crash));
  check_learned(run_quick(config), 600);
}

TEST_CASE("peers of unlike configurations keep their books and settle together") {
  SimConfig config = quick();
  config.gossip.links_max = 8;
  gossip::Config own = config.gossip;
  own.exchange_every = 20;
  own.transfer_codec = core::Codec::kFp32;
  own.staleness.kind = gossip::StalenessPolicy::Kind::kConstant;
  config.own[2] = own;
  own.steps_max = 900;
  config.own[4] = own;
  const Outcome outcome = run_quick(config);
  CHECK(outcome.spread < 0.02);
  CHECK(outcome.peers[2].steps == 600);
  CHECK(outcome.peers[4].steps == 900);
}

TEST_CASE("peers that settle do not circle each other") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimConfig config = quick(3);
    config.seed = seed;
    config.faults.delay = *parse_distribution("200us");
    config.faults.stragglers.push_back({1, 3});
    CHECK(run_quick(config).exchanges < 3000);
  }
}

TEST_CASE("one that never agrees does not keep the others at it at full speed") {
  SimConfig config = quick();
  config.own[2] = config.gossip;
  config.own[2].settle_bound = 0;
  const Outcome without = run_quick(quick());
  const Outcome outcome = run_quick(config);
  // Its 20 s to settle, of which it offers each 20 ms or so.
  CHECK(outcome.exchanges - without.exchanges < 20 * 100);
}

TEST_CASE("a run that cannot be is refused") {
  const auto message = [](const SimConfig& config) {
    const auto outcome = run(config, test::quadratics(4, 1));
    return outcome ? std::string() : outcome.error().message;
  };
  SimConfig config = quick();
  config.peers = 0;
  CHECK(message(config) == "peers 0: at least one is needed");
  config = quick();
  config.gossip.steps_max = 0;
  config.time_max = {};
  CHECK(message(config).find("no end") != std::string::npos);
  config = quick();
  config.faults.stragglers = {{9, 2}};
  CHECK(message(config).find("straggler 9:2") != std::string::npos);
  const auto none = run(quick(), [](std::size_t, std::size_t) { return nullptr; });
  CHECK_FALSE(none);
}

TEST_CASE("a run is ended by its time limit, or by whoever watches its progress") {
  SimConfig config = quick();
  config.time_max = seconds(1);
  const auto limited = run(config, test::quadratics(16, 1));
  REQUIRE(limited);
  CHECK(limited->timed_out);
  config = quick();
  config.progress_every = 100;
  std::uint64_t calls = 0;
  config.on_progress = [&](const Progress& progress) {
    CHECK(progress.events >= 100 * ++calls);
    CHECK(progress.peers_up <= config.peers);
    return calls < 3;
  };
  const auto stopped = run(config, test::quadratics(16, 1));
  REQUIRE(stopped);
  CHECK(stopped->stopped);
  CHECK(calls == 3);
}

}  // namespace
}  // namespace murmur::sim
