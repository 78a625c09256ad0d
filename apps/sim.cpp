#include "apps/sim.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "apps/console.hpp"
#include "apps/earlier_run.hpp"
#include "apps/metrics.hpp"
#include "apps/new_directory.hpp"
#include "apps/results.hpp"
#include "apps/stop_signals.hpp"
#include "apps/summary.hpp"
#include "apps/table.hpp"
#include "sim/fleet.hpp"

namespace murmur::apps {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// Above this a fleet's parameters are not compared element by element after each event.
constexpr std::size_t kParametersCheckedMax = 100'000;
/// Rows of the final table; summary.json has every peer.
constexpr std::size_t kRowsShown = 16;

double seconds_since(SteadyClock::time_point began) {
  return std::chrono::duration<double>(SteadyClock::now() - began).count();
}

/// What peers are made from: made once, shared by all incarnations.
struct Parts {
  Task task;
  std::vector<std::shared_ptr<const core::Samples>> of_peer;
};

core::Result<Parts> deal(const SimOptions& o) {
  auto task = load_task(o.training);
  if (!task) return tl::make_unexpected(task.error());
  Parts parts{std::move(*task), {}};
  for (std::size_t i = 0; i < o.peers; ++i) {
    auto part = part_of(parts.task, o.training, i, o.peers);
    if (!part) return tl::make_unexpected(part.error());
    parts.of_peer.push_back(std::move(*part));
  }
  return parts;
}

std::string rerun_line(const std::vector<std::string>& args) {
  std::string line = "murmur sim";
  // Its results need not be kept, and the folder has this run's.
  for (const std::string& arg : without_flag(args, "--out")) line += " " + arg;
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
    files_[peer].write(*record);
  }

  void flush() {
    for (MetricsFile& file : files_) file.flush();
  }

 private:
  std::vector<MetricsFile> files_;
  std::vector<Recorder> recorders_;
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

void print_outcome(const sim::Outcome& outcome, const SimOptions& o, double real,
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
                  real, outcome.stopped ? ", stopped" : ""));
  say(fmt::format("events     {} ({:.0f} a second), exchanges {} ({:.0f} a second)\n",
                  outcome.events, static_cast<double>(outcome.events) / real, outcome.exchanges,
                  static_cast<double>(outcome.exchanges) / real));
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

Json summary_json(const sim::Outcome& outcome, const SimOptions& o, double real) {
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
  json["events_per_second"] = static_cast<double>(outcome.events) / real;
  json["exchanges"] = outcome.exchanges;
  json["exchanges_per_second"] = static_cast<double>(outcome.exchanges) / real;
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
  const auto parts = deal(o);
  if (!parts) return tl::make_unexpected(parts.error());
  const auto make = [&](std::size_t peer) {
    return gpu::make_replica(
        replica_spec(parts->task, o.training, parts->of_peer[peer], peer, /*threads=*/1));
  };
  const auto first = make(0);
  if (!first) return tl::make_unexpected(first.error());

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
  sim::SimConfig config;
  config.peers = o.peers;
  config.seed = o.training.seed;
  const std::size_t rows = parts->task.train ? parts->task.train->rows / o.peers : 1;
  config.gossip = gossip_config(o.training, rows);
  config.gossip.save_every = std::chrono::seconds(2);
  config.step_time = o.step_time;
  config.faults = o.faults;
  config.checks = (*first)->schema().parameters() <= kParametersCheckedMax ? sim::Checks::kAll
                                                                           : sim::Checks::kProtocol;
  config.replay = rerun_line(args);
  config.progress_every = 10'000;
  config.on_progress = [&](const sim::Progress& p) {
    progress.show(p, seconds_since(began));
    metrics->flush();
    return stops.level() == 0;
  };
  config.on_report = [&](std::size_t peer, core::Duration now, const gossip::Report& report) {
    metrics->take(peer, now, report);
  };
  const auto outcome = sim::run(config, [&](std::size_t peer, std::size_t) {
    auto replica = make(peer);
    return replica ? std::move(*replica) : nullptr;
  });
  if (!outcome) return tl::make_unexpected(outcome.error());
  metrics->flush();
  const double real = seconds_since(began);
  print_outcome(*outcome, o, real, config.replay);
  if (!o.out.empty()) {
    if (auto written = write_json(o.out / kSummaryName, summary_json(*outcome, o, real));
        !written) {
      complain(written.error().message);
      return 1;
    }
  }
  return outcome->violations.empty() && !outcome->stopped ? 0 : 1;
}

}  // namespace murmur::apps
