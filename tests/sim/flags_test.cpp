// What a plan prints is what the program takes.
#include <sstream>

#include "apps/sim.hpp"
#include "core/rng.hpp"
#include "tests/catch.hpp"

namespace murmur::sim {
namespace {

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// Any plan at all that can be, down to the nanosecond and the last bit of a share.
FaultPlan draw_plan(core::Rng& rng, std::size_t peers) {
  const auto chance = [&rng] { return rng.below(2) == 0; };
  const auto time = [&rng] {
    const std::uint64_t unit[] = {1, 1'000, 1'000'000, 1'000'000'000};
    return core::Duration(static_cast<std::int64_t>(rng.below(100'000) * unit[rng.below(4)]));
  };
  FaultPlan plan;
  if (chance()) plan.loss = rng.uniform();
  if (chance()) plan.duplicate = rng.uniform();
  if (chance()) plan.corrupt = rng.uniform() * 1e-6;
  if (chance()) plan.save_fails = rng.uniform();
  if (chance()) plan.torn = rng.uniform();
  if (chance()) plan.calm_from = time();
  if (chance()) plan.bandwidth = rng.uniform() * 1e9;
  switch (rng.below(3)) {
    case 0:
      plan.delay = Distribution::constant(time());
      break;
    case 1:
      plan.delay = Distribution::exponential(time());
      break;
    default: {
      const core::Duration low = time();
      plan.delay = Distribution::uniform(low, low + time());
    }
  }
  for (std::uint64_t n = rng.below(3); n > 0; --n)
    // Two of one peer are multiplied, and no step takes over 20 s.
    plan.stragglers.push_back({rng.below(peers), 40 * rng.uniform() + 1e-3});
  for (std::uint64_t n = rng.below(4); n > 0; --n) {
    Crash crash{rng.below(peers), time(), std::nullopt, true};
    if (chance()) crash.restart_after = time();
    if (crash.restart_after) crash.keep_state = chance();
    if (!crash.keep_state) crash.founds = chance();
    if (crash.restart_after && crash.keep_state) crash.starts_old = rng.below(3);
    plan.crashes.push_back(crash);
    if (!check_plan(plan, peers)) plan.crashes.pop_back();
  }
  for (std::uint64_t n = rng.below(3); n > 0; --n)
    plan.cuts.push_back({time(), time(), Cut::Shape{static_cast<std::uint8_t>(rng.below(3))}});
  for (std::uint64_t n = rng.below(3); n > 0; --n) plan.stops.push_back({rng.below(peers), time()});
  for (std::uint64_t n = rng.below(3); n > 0; --n)
    plan.divergences.push_back({rng.below(peers), time()});
  for (std::uint64_t n = rng.below(3); n > 0; --n) plan.founders.push_back({rng.below(peers)});
  plan.twins.push_back({rng.below(peers), time(), time()});
  if (!check_plan(plan, peers)) plan.twins.clear();
  return plan;
}

TEST_CASE("every plan is read back as it was printed") {
  constexpr std::size_t kPeers = 7;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    core::Rng rng(seed, 0, "plan");
    const FaultPlan plan = draw_plan(rng, kPeers);
    const std::string flags = to_flags(plan);
    CAPTURE(seed, flags);
    std::vector<std::string> args = words(flags);
    args.insert(args.begin(), {"--peers", std::to_string(kPeers)});
    apps::SimOptions options;
    const auto parsed = apps::parse_sim(args, options);
    REQUIRE(parsed);
    CHECK(options.faults == plan);
  }
}

TEST_CASE("a peer's own flags are on top of those of all") {
  apps::SimOptions o;
  REQUIRE(apps::parse_sim({"--peers", "4", "--lr", "0.5", "--steps", "90", "--peer-flags",
                           "3:--rule none --lr 10", "--peer-flags", "1:--steps 7"},
                          o));
  REQUIRE(o.own.size() == 2);
  CHECK(o.own.at(3).rule == gossip::Rule::kNone);
  CHECK(o.own.at(3).learning_rate == 10.0F);
  CHECK(o.own.at(3).steps == 90);
  CHECK(o.own.at(1).learning_rate == 0.5F);
  CHECK(o.own.at(1).steps == 7);
}

TEST_CASE("a peer's own flags that cannot be are refused in one line") {
  const auto message = [](const std::string& flags) {
    apps::SimOptions o;
    const auto parsed = apps::parse_sim({"--peers", "4", "--peer-flags", flags}, o);
    return parsed ? std::string() : parsed.error().message;
  };
  CHECK(message("4:--lr 1") == "--peer-flags 4: there are peers 0 to 3");
  CHECK(message("1:--model linear") == "--peer-flags 1: --model is for all peers alike");
  CHECK(message("1:--init=x") == "--peer-flags 1: --init is for all peers alike");
  CHECK(message("1:--loss 10%").find("--peer-flags 1: there is no flag --loss") == 0);
  CHECK(message("1:--lr x").find("--peer-flags 1: --lr: 'x' is not a number") == 0);
  for (const char* flags : {"", "1", ":--lr 1", "x:--lr 1"}) {
    CAPTURE(flags);
    CHECK(message(flags).find("is not PEER:FLAGS") != std::string::npos);
  }
}

}  // namespace
}  // namespace murmur::sim
