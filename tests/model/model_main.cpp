// Runs the model check (README.md): the rules as they are, which must hold in every state that can
// be reached, and each of its mutants, which must not.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>

#include "tests/model/search.hpp"

namespace {

using namespace murmur::model;

Verdict run(const Setup& setup, Mutant mutant, std::uint64_t states_max, bool trace) {
  const auto begin = std::chrono::steady_clock::now();
  const Verdict verdict = search(setup, mutant, states_max);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  fmt::print("{}: {} states, {} steps, {:.1f} s{}: {}\n", setup.name, verdict.states, verdict.steps,
             took.count(), verdict.complete ? "" : " (not all)",
             verdict.violation.empty() ? "holds" : verdict.violation);
  if (trace) {
    for (const std::string& step : verdict.trace) fmt::print("    {}\n", step);
  }
  std::fflush(stdout);
  return verdict;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("checks the exchange's rules in every state of a small model");
  bool exhaustive = false;
  bool trace = false;
  std::string only;
  std::uint64_t states_max = 60'000'000;
  app.add_flag("--exhaustive", exhaustive, "the larger setups");
  app.add_flag("--trace", trace, "print the steps that lead to each mutant's violation");
  app.add_option("--only", only, "the one setup or mutant of this name");
  app.add_option("--states-max", states_max, "give up after so many");
  CLI11_PARSE(app, argc, argv);

  bool good = true;
  bool any = false;
  for (const Setup& setup : exhaustive ? exhaustive_setups() : fast_setups()) {
    if (!only.empty() && setup.name != only) continue;
    const Verdict verdict = run(setup, Mutant::kNone, states_max, true);
    good &= verdict.violation.empty() && verdict.complete;
    any = true;
  }
  for (int i = 1; i < kMutants && !exhaustive; ++i) {
    const auto mutant = static_cast<Mutant>(i);
    if (!only.empty() && to_string(mutant) != only) continue;
    if (run(setup_for(mutant), mutant, states_max, trace).violation.empty()) {
      fmt::print("    it should not\n");
      good = false;
    }
    any = true;
  }
  if (!any) fmt::print("nothing is called '{}'\n", only);
  return good && any ? 0 : 1;
}
