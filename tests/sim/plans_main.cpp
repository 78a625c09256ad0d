// sim_plans: command lines of `murmur sim` drawn over a range of seeds, each run in this process.
// Exit status 0: nothing was found wrong; 1: something was, and the line that shows it has been
// printed.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "tests/sim/plans.hpp"

int main(int argc, char** argv) {
  std::uint64_t first = 1;
  std::uint64_t seeds = 100;
  bool verbose = false;
  CLI::App app("Random command lines of murmur sim");
  app.add_option("--first", first, "First seed");
  app.add_option("--seeds", seeds, "How many");
  app.add_flag("--verbose", verbose, "Say what each seed runs");
  CLI11_PARSE(app, argc, argv);

  std::uint64_t failed = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const auto args = murmur::sim::test::draw_command_line(seed);
    if (verbose) fmt::print("seed {}: {}\n", seed, murmur::sim::test::to_line(args));
    std::fflush(stdout);
    const auto wrong = murmur::sim::test::run_command_line(args);
    for (const std::string& what : wrong) fmt::print("seed {}: {}\n", seed, what);
    if (wrong.empty()) continue;
    ++failed;
    fmt::print("seed {}: rerun: {}\n", seed, murmur::sim::test::to_line(args));
  }
  fmt::print("{} plans: {} failed\n", seeds, failed);
  return failed == 0 ? 0 : 1;
}
