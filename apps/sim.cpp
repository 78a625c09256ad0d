#include "apps/sim.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <numeric>

#include "apps/console.hpp"
#include "apps/earlier_run.hpp"
#include "apps/metrics.hpp"
#include "apps/new_directory.hpp"
#include "apps/results.hpp"
#include "apps/sim_fleet.hpp"
#include "apps/stop_signals.hpp"
#include "apps/summary.hpp"
#include "apps/table.hpp"
#include "sim/fleet.hpp"

namespace murmur::apps {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// Rows of the final table; summary.json has every peer.
constexpr std::size_t kRowsShown = 16;

double seconds_since(SteadyClock::time_point began) {
  return std::chrono::duration<double>(SteadyClock::now() - began).count();
}

std::string rerun_line(const std::vector<std::string>& args) {
  std::string line = "murmur sim";
  // Its results need not be kept, and the folder has this run's.
  for (const std::string& arg : without_flag(args, "--out")) {
    line += arg.find(' ') == std::string::npos ? " " + arg : fmt::format(" \"{}\"", arg);
  }
  return line;
}

/// Each peer's metrics.jsonl.
class FleetMetrics {
 public:
  static core::Result<FleetMetrics> open(const std::filesystem::path& out, std::size_t peers) {
    FleetMetrics metrics;
    for (std::size_t i = 0; i < peers && !out.empty(); ++i) {
      const auto folder = peer_folder(out, i);
      std::error_code error;
      std::filesystem::create_directory(folder, error);
      auto file = MetricsFile::open(folder / "metrics.jsonl");
      if (!file) return tl::make_unexpected(file.error());
      metrics.files_.push_back(std::move(*file));
    }
    metrics.recorders_.resize(metrics.files_.size());
    metrics.pending_.resize(metrics.files_.size());
    return metrics;
  }

  void take(std::size_t peer, core::Duration now, const gossip::Report& report) {
    if (files_.empty()) return;
    Recorder& recorder = recorders_[peer];
    auto record = recorder.record(core::seconds(now), report);
    if (!record) return;
    if (std::holds_alternative<gossip::EvaluationReport>(report)) {
      (*record)["train_loss"] = recorder.train_loss();
      (*record)["exchanges"] = recorder.exchanges();
    }
    pending_[peer] += line_of(*record);
  }

  [[nodiscard]] std::uint64_t lost() const {
    return std::accumulate(
        files_.begin(), files_.end(), std::uint64_t{0},
        [](std::uint64_t sum, const MetricsFile& file) { return sum + file.lost(); });
  }

  void flush() {
    for (std::size_t i = 0; i < files_.size(); ++i)
      files_[i].append(std::exchange(pending_[i], {}));
  }

 private:
  std::vector<MetricsFile> files_;
  std::vector<Recorder> recorders_;
  std::vector<std::string> pending_;
};

/// One line that says how far the run is; drawn over on a terminal, else one a few seconds.
class ProgressLine {
 public:
  explicit ProgressLine(std::size_t peers) : peers_(peers), block_(terminal_) {}
  void show(const sim::Progress& p, double real) {
    constexpr double kTerminalEvery = 0.25;
    constexpr double kPlainEvery = 5;
    if (real < next_) return;
    next_ = real + (terminal_ ? kTerminalEvery : kPlainEvery);
    block_.show(fmt::format(
        "{:.1f} s virtual, {:.1f} s real: step {} to {:.0f} on average, {} of {} peers up, "
        "{} settled, {} exchanges, {} events, {} violations\n",
        core::seconds(p.now), real, p.step_min, p.step_mean, p.peers_up, peers_, p.peers_settled,
        p.exchanges, p.events, p.violations));
  }

 private:
  std::size_t peers_;
  bool terminal_ = can_redraw();
  LiveBlock block_;
  double next_ = 0;
};

PeerSummary summary_of(const sim::PeerOutcome& peer) {
  PeerSummary s;
  s.id = core::to_string(peer.id);
  s.steps = peer.steps;
  s.test_accuracy = peer.up ? peer.accuracy : NAN;
  s.test_loss = peer.up ? peer.loss : NAN;
  s.exchanges = peer.exchanges;
  s.staleness_mean = peer.staleness_mean;
  s.seconds = peer.seconds;
  return s;
}

/// What the process has used so far.
struct Usage {
  double cpu_seconds = 0;
  double memory_kib = 0;  ///< at most
};

Usage usage() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return {
      static_cast<double>(used.ru_utime.tv_sec) + 1e-6 * static_cast<double>(used.ru_utime.tv_usec),
      static_cast<double>(used.ru_maxrss)};
}

struct Cost {
  double seconds = 0;
  double us_per_event = 0;  ///< of CPU, in user mode
  double kib_per_peer = 0;
  double mib_at_most = 0;  ///< of the process, the data too
};

Cost cost_of(const Usage& before, const Usage& after, const sim::Outcome& outcome, double seconds) {
  return {seconds,
          1e6 * (after.cpu_seconds - before.cpu_seconds) / static_cast<double>(outcome.events),
          (after.memory_kib - before.memory_kib) / static_cast<double>(outcome.peers.size()),
          after.memory_kib / 1024};
}

struct Accuracy {
  double mean = NAN;
  double least = NAN;
  double loss_mean = NAN;
};

Accuracy accuracy_of(const sim::Outcome& outcome) {
  Accuracy a{0, INFINITY, 0};
  double up = 0;
  for (const sim::PeerOutcome& peer : outcome.peers) {
    if (!peer.up) continue;
    a.mean += peer.accuracy;
    a.loss_mean += peer.loss;
    a.least = std::isnan(peer.accuracy) ? NAN : std::min(a.least, peer.accuracy);
    ++up;
  }
  return {a.mean / up, a.least, a.loss_mean / up};
}

void print_outcome(const sim::Outcome& outcome, const SimOptions& o, const Cost& cost,
                   const std::string& rerun) {
  Table table({"peer", "ended", "steps", "test", "loss", "exchanges", "staleness", "starts"});
  for (std::size_t i = 0; i < std::min(kRowsShown, outcome.peers.size()); ++i) {
    const sim::PeerOutcome& peer = outcome.peers[i];
    const PeerSummary s = summary_of(peer);
    table.add({fmt::format("{} {}", i, core::short_name(peer.id)),
               peer.up                 ? std::string(gossip::to_string(peer.phase))
               : !peer.failure.empty() ? "failed"
                                       : "dead",
               fmt::format("{}", s.steps), percent_cell(s.test_accuracy, 2), loss_cell(s.test_loss),
               fmt::format("{}", s.exchanges), plain_cell(s.staleness_mean, 1),
               fmt::format("{}", peer.incarnations)});
  }
  say(fmt::format("\n{}", table.text()));
  if (outcome.peers.size() > kRowsShown) {
    say(fmt::format("... and {} more\n", outcome.peers.size() - kRowsShown));
  }
  const Accuracy a = accuracy_of(outcome);
  say(fmt::format("\naccuracy   mean {}, least {}; test loss mean {}\n", percent_cell(a.mean, 2),
                  percent_cell(a.least, 2), loss_cell(a.loss_mean)));
  say(fmt::format("spread     {}\n", small_cell(outcome.spread)));
  say(fmt::format("time       {:.2f} s virtual, {:.2f} s real{}\n", core::seconds(outcome.now),
                  cost.seconds, outcome.stopped ? ", stopped" : ""));
  say(fmt::format("events     {} ({:.0f} a second), exchanges {} ({:.0f} a second)\n",
                  outcome.events, static_cast<double>(outcome.events) / cost.seconds,
                  outcome.exchanges, static_cast<double>(outcome.exchanges) / cost.seconds));
  say(fmt::format("cost       {:.2f} us of CPU an event, {:.1f} KiB a peer, {:.1f} MiB at most\n",
                  cost.us_per_event, cost.kib_per_peer, cost.mib_at_most));
  say(fmt::format("checks     {}, violations {}\n", outcome.checks, outcome.violations.size()));
  say(fmt::format("trace hash {:016x} (seed {})\n", outcome.trace_hash, o.training.seed));
  for (std::size_t i = 0; i < std::min(kRowsShown, outcome.notes.size()); ++i) {
    say(fmt::format("note       {}\n", outcome.notes[i]));
  }
  if (outcome.notes.size() > kRowsShown) {
    say(fmt::format("... and {} more\n", outcome.notes.size() - kRowsShown));
  }
  for (const std::string& violation : outcome.violations) {
    complain("violation: " + violation);
  }
  if (!outcome.violations.empty()) complain("rerun with: " + rerun);
}

Json summary_json(const sim::Outcome& outcome, const SimOptions& o, const Cost& cost) {
  Json json = {{"command", "sim"}};
  json["peers"] = Json::array();
  for (const sim::PeerOutcome& peer : outcome.peers) {
    Json entry = to_json(summary_of(peer));
    entry["up"] = peer.up;
    entry["incarnations"] = peer.incarnations;
    if (!peer.failure.empty()) entry["failure"] = peer.failure;
    json["peers"].push_back(std::move(entry));
  }
  json["spread"] = outcome.spread;
  json["seconds"] = core::seconds(outcome.now);
  json["accuracy_mean"] = accuracy_of(outcome).mean;
  json["seed"] = o.training.seed;
  json["trace_hash"] = fmt::format("{:016x}", outcome.trace_hash);
  json["events"] = outcome.events;
  json["events_per_second"] = static_cast<double>(outcome.events) / cost.seconds;
  json["exchanges"] = outcome.exchanges;
  json["exchanges_per_second"] = static_cast<double>(outcome.exchanges) / cost.seconds;
  json["cpu_us_per_event"] = cost.us_per_event;
  json["kib_per_peer"] = cost.kib_per_peer;
  json["mib_at_most"] = cost.mib_at_most;
  json["checks"] = outcome.checks;
  json["violations"] = outcome.violations.size();
  json["notes"] = outcome.notes;
  json["violation_messages"] = outcome.violations;
  return json;
}

}  // namespace

core::Result<int> run_sim(const std::vector<std::string>& args) {
  StopSignals stops;
  SimOptions o;
  const auto parsed = parse_sim(args, o);
  if (!parsed) return tl::make_unexpected(parsed.error());
  if (*parsed == CommandLine::Outcome::kHelp) return 0;
  const auto fleet = SimFleet::make(o);
  if (!fleet) return tl::make_unexpected(fleet.error());

  if (auto none = check_no_earlier_runs(o.out, /*state=*/"", o.peers); !none) {
    return tl::make_unexpected(none.error());
  }
  stops.hold(/*last=*/1, unfinished_results(o.out));
  std::optional<NewDirectory> folder;
  if (!o.out.empty()) {
    auto made = NewDirectory::create(o.out);
    if (!made) return tl::make_unexpected(made.error());
    folder.emplace(std::move(*made));
  }
  auto metrics = FleetMetrics::open(o.out, o.peers);
  if (!metrics) return tl::make_unexpected(metrics.error());
  if (folder) folder->keep();

  const auto began = SteadyClock::now();
  ProgressLine progress(o.peers);
  const Usage before = usage();
  sim::SimConfig config = fleet->config();
  config.replay = rerun_line(args);
  config.progress_every = 10'000;
  config.on_progress = [&](const sim::Progress& p) {
    progress.show(p, seconds_since(began));
    metrics->flush();
    return stops.level() == 0;
  };
  config.on_report = [&](std::size_t peer, core::Duration now, const gossip::Report& report) {
    if (peer < o.peers) metrics->take(peer, now, report);
  };
  const auto outcome = sim::run(config, fleet->replicas());
  if (!outcome) return tl::make_unexpected(outcome.error());
  metrics->flush();
  const Cost cost = cost_of(before, usage(), *outcome, seconds_since(began));
  print_outcome(*outcome, o, cost, config.replay);
  if (!o.out.empty()) {
    if (auto written = write_json(o.out / kSummaryName, summary_json(*outcome, o, cost));
        !written) {
      complain(written.error().message);
      return 1;
    }
  }
  if (const auto lost = metrics->lost(); lost > 0) {
    complain(fmt::format("{}: {} metrics records are missing", o.out.string(), lost));
    return 1;
  }
  return outcome->violations.empty() && !outcome->stopped ? 0 : 1;
}

}  // namespace murmur::apps
