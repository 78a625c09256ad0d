#include "tests/sim/plans.hpp"

#include <fmt/format.h>

#include "apps/sim_fleet.hpp"
#include "core/duration.hpp"
#include "core/rng.hpp"
#include "sim/faults.hpp"

namespace murmur::sim::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// However long it trains, no plan drawn here takes longer than this: virtual time.
constexpr core::Duration kEndsWithin = std::chrono::minutes(20);

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : rng_(seed, 0, "command line") {}

  std::vector<std::string> line() {
    fleet();
    faults();
    training(/*own=*/false);
    for (std::uint64_t n = rng_.below(3); n > 0 && chance(3); --n) own_flags();
    return std::move(args_);
  }

 private:
  [[nodiscard]] bool chance(std::uint64_t in) { return rng_.below(in) == 0; }
  [[nodiscard]] std::string one_of(const std::vector<std::string>& texts) {
    return texts[rng_.below(texts.size())];
  }
  [[nodiscard]] core::Duration time(core::Duration most) {
    return Distribution::uniform({}, most).draw(rng_);
  }
  [[nodiscard]] std::string time_text(core::Duration most) { return core::to_string(time(most)); }
  [[nodiscard]] std::string share(double most) { return fmt::format("{}", most * rng_.uniform()); }
  [[nodiscard]] std::string distribution(core::Duration most) {
    const core::Duration low = time(most);
    return one_of({to_string(Distribution::constant(low)),
                   to_string(Distribution::exponential(low)),
                   to_string(Distribution::uniform(low, low + time(most)))});
  }
  void add(const std::string& flag, const std::string& value) {
    args_.push_back("--" + flag);
    args_.push_back(value);
  }
  void maybe(std::uint64_t in, const std::string& flag, const std::string& value) {
    if (chance(in)) add(flag, value);
  }

  void fleet() {
    closed_ = !chance(4);
    const bool large = closed_ && chance(12);
    peers_ = large ? 40 + rng_.below(260) : 1 + rng_.below(14);
    steps_ = large ? 20 + rng_.below(40) : 20 + rng_.below(400);
    add("peers", std::to_string(peers_));
    maybe(3, "step-time", distribution(milliseconds(20)));
    maybe(2, "seed", std::to_string(rng_.next()));
  }

  void faults() {
    const core::Duration training = milliseconds(10) * static_cast<std::int64_t>(steps_ + 100);
    maybe(2, "delay", distribution(milliseconds(150)));
    maybe(3, "bandwidth", one_of({"30kB", "250000", "1.5MB", "0"}));
    maybe(2, "loss", share(0.4));
    maybe(3, "duplicate", share(0.5));
    maybe(3, "corrupt", share(0.3));
    maybe(3, "save-fails", share(0.9));
    maybe(3, "torn", share(0.9));
    maybe(2, "calm-from", time_text(training));
    for (std::uint64_t n = rng_.below(4); n > 0 && chance(2); --n)
      add("straggler", fmt::format("{}:{}", peer(), 0.1 + 20 * rng_.uniform()));
    for (std::uint64_t n = rng_.below(3); n > 0 && chance(2); --n)
      add("cut", to_string(Cut{time(training), time(training),
                               Cut::Shape{static_cast<std::uint8_t>(rng_.below(3))}}));
    for (std::uint64_t n = rng_.below(4); n > 0 && chance(3); --n)
      add("stop", to_string(StopAsked{peer(), time(training)}));
    for (std::uint64_t n = rng_.below(3); n > 0 && chance(3); --n)
      add("nan", to_string(Divergence{peer(), time(training)}));
    for (std::uint64_t n = rng_.below(3); n > 0 && chance(3); --n)
      add("founder", to_string(Founder{peer()}));
    FaultPlan plan;
    for (std::uint64_t n = rng_.below(6); n > 0 && !chance(4); --n) {
      Crash crash{peer(), chance(4) ? time(milliseconds(10)) : time(training), std::nullopt, true};
      if (!chance(4)) crash.restart_after = time(chance(2) ? milliseconds(200) : seconds(20));
      if (crash.restart_after) crash.keep_state = !chance(3);
      if (!crash.keep_state) crash.founds = chance(2);
      if (crash.restart_after && crash.keep_state && chance(3)) crash.starts_old = 1;
      plan.crashes.push_back(crash);
      if (check_plan(plan, peers_)) {
        add("crash", to_string(crash));
      } else {
        plan.crashes.pop_back();
      }
    }
  }

  /// `own`: of a single peer.
  void training(bool own) {
    if (!own) {
      const std::string data = closed_ ? "digits" : one_of({"digits", "linear"});
      if (closed_) {
        add("model",
            fmt::format("{}:{}", one_of({"quadratic", "least-squares"}), 1 + rng_.below(200)));
      } else if (data == "digits") {
        maybe(2, "model", one_of({"mlp:64-10", "mlp:64-16-10"}));
        maybe(2, "partition", one_of({"iid", "dirichlet:0.05", "dirichlet:1"}));
      }
      if (!closed_) add("data", data);
    }
    if (closed_) {
      maybe(3, "momentum", one_of({"0", "0.5"}));
    } else {
      maybe(2, "optimizer", one_of({"sgd", "nesterov", "adam", "adamw"}));
      maybe(3, "weight-decay", share(0.01));
      maybe(3, "batch", std::to_string(1 + rng_.below(64)));
      maybe(4, "eval-every", one_of({"auto", "1", "10", "100"}));
    }
    maybe(2, "lr", one_of({"0.001", "0.02", "0.1", "10"}));
    if (!own || chance(2)) limits();
    maybe(6, "rule", one_of({"average", "none"}));
    maybe(2, "exchange-every", one_of({"auto", "1", "3", "50"}));
    maybe(2, "codec", one_of({"fp32", "fp16", "int8"}));
    maybe(2, "staleness", one_of({"constant", "damped", "damped:5", "bounded", "bounded:10"}));
    maybe(2, "settle", one_of({"0", "100ms", "5s", "30s"}));
    maybe(2, "linger", one_of({"0", "100ms", "10s", "1m"}));
  }

  void limits() {
    switch (rng_.below(closed_ ? 4 : 6)) {
      case 0:
        return add("duration",
                   time_text(milliseconds(10) * static_cast<std::int64_t>(steps_)) + "");
      case 4:
      case 5:
        return add("epochs", "1");
      default:
        return add("steps", std::to_string(steps_ / 2 + rng_.below(steps_)));
    }
  }

  void own_flags() {
    std::vector<std::string> all = std::move(args_);
    args_.clear();
    training(/*own=*/true);
    std::string text = fmt::format("{}:", peer());
    for (const std::string& word : args_) text += word + " ";
    args_ = std::move(all);
    add("peer-flags", text);
  }

  [[nodiscard]] std::size_t peer() { return rng_.below(peers_); }

  core::Rng rng_;
  std::vector<std::string> args_;
  bool closed_ = false;
  std::size_t peers_ = 1;
  std::uint64_t steps_ = 1;
};

}  // namespace

std::vector<std::string> draw_command_line(std::uint64_t seed) { return Draw(seed).line(); }

std::string to_line(const std::vector<std::string>& args) {
  std::string line = "murmur sim";
  for (const std::string& arg : args)
    line += arg.find(' ') == std::string::npos ? " " + arg : fmt::format(" \"{}\"", arg);
  return line;
}

std::vector<std::string> run_command_line(const std::vector<std::string>& args) {
  apps::SimOptions options;
  const auto parsed = apps::parse_sim(args, options);
  if (!parsed) return {"refused: " + parsed.error().message};
  const auto fleet = apps::SimFleet::make(options);
  if (!fleet) return {"refused: " + fleet.error().message};
  SimConfig config = fleet->config();
  config.time_max = kEndsWithin;
  config.replay = to_line(args);
  const auto outcome = run(config, fleet->replicas());
  if (!outcome) return {"refused: " + outcome.error().message};
  std::vector<std::string> wrong = outcome->violations;
  if (outcome->timed_out) wrong.push_back("not over after " + core::to_string(kEndsWithin));
  return wrong;
}

}  // namespace murmur::sim::test
