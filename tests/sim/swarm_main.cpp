// sim_swarm: swarm tests over a range of seeds. Exit status 0: nothing was found wrong; 1:
// something was, and how to rerun it has been printed. --stop ends at the first seed that finds
// something.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "gossip/edge.hpp"
#include "tests/sim/swarm.hpp"

namespace {

void show(std::size_t peer, murmur::core::Duration now, const murmur::gossip::Report& report) {
  using namespace murmur::gossip;
  const double at = murmur::core::seconds(now);
  if (const auto* phase = std::get_if<PhaseReport>(&report)) {
    fmt::print("  {:9.4f} peer {}: {} {}\n", at, peer, to_string(phase->phase), phase->message);
  } else if (const auto* about = std::get_if<PeerReport>(&report)) {
    fmt::print("  {:9.4f} peer {}: {} {} {}\n", at, peer, about->address, to_string(about->what),
               about->message);
  } else if (const auto* exchange = std::get_if<ExchangeReport>(&report)) {
    fmt::print(
        "  {:9.4f} peer {}: {} ({}, {}) with {}, weight {:.3f}, ratio {:.2e}, staleness {}\n", at,
        peer, exchange->initiated ? "took" : "gave", exchange->id.boot, exchange->id.seq,
        murmur::core::short_name(exchange->peer), exchange->weight, exchange->ratio,
        exchange->staleness);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t first = 1;
  std::uint64_t seeds = 100;
  std::size_t window = 0;
  bool verbose = false;
  bool stop = false;
  bool reports = false;
  CLI::App app("Swarm tests of the simulated fleet");
  app.add_option("--first", first, "First seed");
  app.add_option("--seeds", seeds, "How many");
  app.add_option("--window", window, "Of each neighbour; else drawn")
      ->check(CLI::Range(std::size_t{1}, std::size_t{murmur::gossip::kWindowMax}));
  app.add_flag("--verbose", verbose, "Say what each seed does");
  app.add_flag("--stop", stop, "End at the first seed that finds something wrong");
  app.add_flag("--reports", reports, "Show reports of peers, phases and exchanges");
  CLI11_PARSE(app, argc, argv);

  std::uint64_t failed = 0;
  std::uint64_t events = 0;
  std::uint64_t exchanges = 0;
  std::uint64_t run = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    auto drawn = murmur::sim::test::draw_case(seed, window);
    if (verbose) fmt::print("seed {}: {}\n", seed, describe(drawn));
    if (reports) drawn.config.on_report = show;
    std::fflush(stdout);
    murmur::sim::Outcome outcome;
    const auto wrong = run_case(drawn, &outcome);
    ++run;
    events += outcome.events;
    exchanges += outcome.exchanges;
    for (const std::string& what : wrong) fmt::print("seed {}: {}\n", seed, what);
    if (verbose) {
      for (const std::string& note : outcome.notes) fmt::print("  {}\n", note);
      fmt::print("  {} events, {} exchanges, spread {:.2e}, {:.1f} s\n", outcome.events,
                 outcome.exchanges, outcome.spread, murmur::core::seconds(outcome.now));
    }
    if (!wrong.empty()) ++failed;
    if (!wrong.empty() && stop) break;
  }
  fmt::print("{} seeds, {} events, {} exchanges: {} failed\n", run, events, exchanges, failed);
  return failed == 0 ? 0 : 1;
}
