// sim_lineages: fleets whose parameters were drawn twice or more, over a range of seeds, four kinds
// in turn: two founders that meet later; a founder that comes back without its disk; a network
// split while both halves found; three lineages that meet, one of which has a peer that is far
// behind. In each all must end as one lineage, within 10 s of meeting, which the checker watches.
// Exit status 0: they did.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "core/duration.hpp"
#include "core/rng.hpp"
#include "tests/sim/swarm.hpp"

namespace murmur::sim::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

enum class Kind : std::uint8_t { kTwoFounders, kLostDisk, kSplit, kCircle };
constexpr std::uint64_t kKinds = 4;

std::uint32_t at(core::Rng& rng, std::size_t from, std::size_t to) {
  return static_cast<std::uint32_t>(from + rng.below(to - from));
}

core::Duration between(core::Rng& rng, core::Duration low, core::Duration high) {
  return Distribution::uniform(low, high).draw(rng);
}

Case draw(std::uint64_t seed) {
  core::Rng rng(seed, 0, "lineages");
  Case c;
  c.dimension = 8 + rng.below(100);
  c.spread_max = 0.05;
  SimConfig& config = c.config;
  config.seed = seed;
  config.peers = 4 + rng.below(7);
  config.replay = fmt::format("sim_lineages --first {} --seeds 1", seed);
  config.recompute_every = 200;
  config.violations_max = 1;
  config.time_max = std::chrono::minutes(10);
  gossip::Config& gossip = config.gossip;
  gossip.steps_max = 2500;
  gossip.exchange_every = static_cast<std::uint32_t>(rng.below(6));
  gossip.save_every = rng.below(2) == 0 ? between(rng, milliseconds(50), seconds(2)) : seconds(0);
  gossip.settle_max = seconds(30);
  gossip.linger = std::chrono::minutes(2);
  FaultPlan& faults = config.faults;
  if (rng.below(2) == 0) {
    faults.delay = Distribution::exponential(between(rng, milliseconds(1), milliseconds(50)));
  }
  if (rng.below(2) == 0) faults.loss = 0.2 * rng.uniform();
  if (rng.below(2) == 0) faults.duplicate = 0.2 * rng.uniform();
  faults.calm_from = seconds(12);
  const auto half = static_cast<std::uint32_t>(config.peers / 2);
  const auto all = static_cast<std::uint32_t>(config.peers);
  switch (Kind{static_cast<std::uint8_t>(seed % kKinds)}) {
    case Kind::kTwoFounders:
      faults.founders.push_back({at(rng, 1, all - 1)});
      break;
    case Kind::kLostDisk:
      faults.crashes.push_back({at(rng, 0, all), between(rng, seconds(1), seconds(8)),
                                between(rng, milliseconds(1), seconds(3)), false, true});
      break;
    case Kind::kSplit:
      faults.founders.push_back({half});
      faults.cuts.push_back({core::Duration{0}, between(rng, seconds(1), seconds(9))});
      break;
    case Kind::kCircle:
      // Of the first lineage one peer is far behind, and the others meet that one as well.
      faults.founders.push_back({half});
      if (half + 2 < all) faults.founders.push_back({half + 1});
      faults.stragglers.push_back({at(rng, 0, half), 20 + 40 * rng.uniform()});
      faults.stragglers.push_back({half, 2});
      faults.cuts.push_back({core::Duration{0}, between(rng, seconds(1), seconds(6))});
      // The slow one would train for minutes.
      config.own[faults.stragglers[0].peer] = gossip;
      config.own[faults.stragglers[0].peer].duration_max = seconds(25);
      config.own[half] = gossip;
      config.own[half].duration_max = seconds(25);
      break;
  }
  return c;
}

std::vector<std::string> run_one(const Case& c) {
  Outcome outcome;
  std::vector<std::string> wrong = run_case(c, &outcome);
  core::Lineage lineage = 0;
  for (const PeerOutcome& peer : outcome.peers) {
    if (!peer.up) continue;
    if (lineage == 0) lineage = peer.lineage;
    if (peer.lineage != lineage) {
      wrong.push_back(fmt::format("two lineages at the end, {:016x} and {:016x}; rerun: {}",
                                  lineage, peer.lineage, c.config.replay));
      break;
    }
  }
  return wrong;
}

}  // namespace
}  // namespace murmur::sim::test

int main(int argc, char** argv) {
  std::uint64_t first = 1;
  std::uint64_t seeds = 100;
  bool verbose = false;
  CLI::App app("Simulated fleets of several lineages");
  app.add_option("--first", first, "First seed");
  app.add_option("--seeds", seeds, "How many");
  app.add_flag("--verbose", verbose, "Say what each seed does, and what its peers say");
  CLI11_PARSE(app, argc, argv);

  std::uint64_t failed = 0;
  std::uint64_t yielded = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    auto drawn = murmur::sim::test::draw(seed);
    if (verbose) fmt::print("seed {}: {}\n", seed, describe(drawn));
    drawn.config.on_report = [&](std::size_t peer, murmur::core::Duration now,
                                 const murmur::gossip::Report& report) {
      const auto* notice = std::get_if<murmur::gossip::NoticeReport>(&report);
      if (notice == nullptr) return;
      yielded += notice->message.find("has yielded") != std::string::npos ? 1 : 0;
      if (verbose) {
        fmt::print("  {:9.4f} peer {}: {}\n", murmur::core::seconds(now), peer, notice->message);
      }
    };
    const auto wrong = murmur::sim::test::run_one(drawn);
    for (const std::string& what : wrong) fmt::print("seed {}: {}\n", seed, what);
    if (!wrong.empty()) ++failed;
  }
  fmt::print("{} seeds, {} replicas of a lineage that yielded: {} failed\n", seeds, yielded,
             failed);
  return failed == 0 && yielded > 0 ? 0 : 1;
}
