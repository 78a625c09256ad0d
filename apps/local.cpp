#include "apps/local.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "apps/console.hpp"
#include "apps/earlier_run.hpp"
#include "apps/mean_model.hpp"
#include "apps/new_directory.hpp"
#include "apps/peer_processes.hpp"
#include "apps/results.hpp"
#include "apps/scratch_folder.hpp"
#include "apps/stop_signals.hpp"
#include "apps/table.hpp"
#include "core/model_spec.hpp"
#include "core/safetensors.hpp"
#include "core/spread.hpp"
#include "gpu/device.hpp"
#include "net/door.hpp"
#include "net/wake_event.hpp"

namespace murmur::apps {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr int kTickMs = 250;
constexpr double kPlainTableEvery = 5;  // seconds, where the table cannot be redrawn
constexpr const char* kAloneFolder = "alone";

double seconds_since(SteadyClock::time_point began) {
  return std::chrono::duration<double>(SteadyClock::now() - began).count();
}

/// How one peer of a round ended.
struct Ended {
  std::string state;
  bool well = false;
  std::string last_words;
  bool finished = false;                          ///< it wrote its summary
  PeerSummary known{"", 0, NAN, NAN, 0, NAN, 0};  ///< that, or as it was last heard of
};

struct Round {
  std::vector<Ended> peers;
  std::optional<MeanModel> mean_model;  ///< of two replicas or more, until it was looked at
  std::size_t replicas = 0;             ///< that were written
  double spread = 0;
  std::optional<core::Evaluation> mean;  ///< of the replicas' mean, where it was looked at
  double seconds = 0;
  bool interrupted = false;

  [[nodiscard]] double accuracy_mean() const {
    double sum = 0;
    double count = 0;
    for (const Ended& peer : peers) {
      if (!peer.finished) continue;
      sum += peer.known.test_accuracy;
      ++count;
    }
    return sum / count;
  }
  /// Of the replica with the least loss.
  [[nodiscard]] double best_loss() const {
    double best = std::numeric_limits<double>::infinity();
    for (const Ended& peer : peers) {
      if (peer.finished) best = std::min(best, peer.known.test_loss);
    }
    return best;
  }
  [[nodiscard]] bool mean_is_better() const { return mean && mean->loss < best_loss(); }
  [[nodiscard]] bool all_well() const {
    return std::all_of(peers.begin(), peers.end(), [](const Ended& peer) { return peer.well; });
  }
};

/// What the peers that wrote their models ended with.
std::vector<std::vector<float>> read_replicas(const PeerProcesses& processes,
                                              const core::Schema& schema) {
  std::vector<std::vector<float>> replicas;
  for (std::size_t i = 0; i < processes.members().size(); ++i) {
    auto parameters = core::read_safetensors(processes.folder(i) / kModelName, schema);
    if (parameters) replicas.push_back(std::move(*parameters));
  }
  return replicas;
}

/// What local was asked by signals, for a loop that waits between its ticks.
class Stops {
 public:
  explicit Stops(StopSignals& signals)
      : signals_(signals), listener_(signals, [this] { wake_.signal(); }) {}
  [[nodiscard]] int level() const { return signals_.level(); }
  /// A signal ends it early.
  void wait(int milliseconds) {
    pollfd wake{wake_.fd(), POLLIN, 0};
    ::poll(&wake, 1, milliseconds);
    wake_.clear();
  }

 private:
  StopSignals& signals_;
  net::WakeEvent wake_;
  StopSignals::Listener listener_;
};

const char* stopping_words(int level) {
  if (level == 0) return "";
  return level == 1 ? ", stopping: again to leave out settling" : ", stopping";
}

core::Result<Round> run_round(PeerProcesses::Setup setup, const core::Schema& schema,
                              const std::string& title, Stops& stops, bool looks_at_mean) {
  const auto began = SteadyClock::now();
  const std::size_t peers = setup.peers;
  PeerProcesses processes(std::move(setup));
  const bool terminal = can_redraw();
  LiveBlock block(terminal);
  double shown_at = -kPlainTableEvery;
  while (true) {
    processes.stop(stops.level());
    const auto going = processes.tick();
    if (!going) return tl::make_unexpected(going.error());
    const double t = seconds_since(began);
    if (terminal || t >= shown_at + kPlainTableEvery || !*going) {
      block.show(fmt::format("{}, {:.0f} s{}\n{}", title, t,
                             *going ? stopping_words(stops.level()) : "", processes.table()));
      shown_at = t;
    }
    if (!*going) break;
    stops.wait(kTickMs);
  }
  block.release();

  Round round;
  round.interrupted = stops.level() > 0;
  round.seconds = seconds_since(began);
  const auto replicas = read_replicas(processes, schema);
  round.replicas = replicas.size();
  round.spread = core::spread(replicas);
  if (looks_at_mean && replicas.size() > 1) round.mean_model = mean_of(replicas);
  for (std::size_t i = 0; i < peers; ++i) {
    Ended& ended = round.peers.emplace_back();
    if (i >= processes.members().size()) {
      ended.state = "not started";
      ended.last_words = processes.start_failure();
      continue;
    }
    const PeerProcesses::Member& member = processes.members()[i];
    ended.state = member.child.how_it_ended();
    ended.well = member.child.ended_well();
    ended.last_words = processes.last_words(i);
    const auto summary = processes.summary(i);
    ended.finished = summary.has_value();
    ended.known = summary.value_or(processes.last_known(i));
  }
  return round;
}

void print_final(const Round& round, const std::optional<Round>& alone) {
  std::vector<std::string> header = {"peer", "ended",     "steps",    "test",
                                     "loss", "exchanges", "staleness"};
  if (alone) header.push_back("test alone");
  Table table(header);
  for (std::size_t i = 0; i < round.peers.size(); ++i) {
    const Ended& peer = round.peers[i];
    const PeerSummary& s = peer.known;
    std::vector<std::string> row = {fmt::format("{} {}", i, s.id.substr(0, 4)),
                                    peer.state,
                                    fmt::format("{}", s.steps),
                                    percent_cell(s.test_accuracy, 2),
                                    loss_cell(s.test_loss),
                                    fmt::format("{}", s.exchanges),
                                    plain_cell(s.staleness_mean, 1)};
    if (alone) row.push_back(percent_cell(alone->peers[i].known.test_accuracy, 2));
    table.add(std::move(row));
  }
  std::vector<std::string> mean = {"mean", "", "", percent_cell(round.accuracy_mean(), 2),
                                   "",     "", ""};
  if (alone) mean.push_back(percent_cell(alone->accuracy_mean(), 2));
  table.add(std::move(mean));
  say(fmt::format("\n{}\nspread {} (largest distance of a replica from the mean of all)\n",
                  table.text(), small_cell(round.spread)));
}

std::string mean_words(const Round& round) {
  const double gain = round.best_loss() - round.mean->loss;
  const std::string beside =
      std::isfinite(gain) ? fmt::format("; its loss is {} {} the best replica's",
                                        small_cell(std::abs(gain)), gain > 0 ? "below" : "above")
                          : "";
  return fmt::format("the mean of the {} replicas: loss {:.4f}{}{}\n", round.replicas,
                     round.mean->loss,
                     std::isfinite(round.mean->accuracy)
                         ? fmt::format(", accuracy {:.2f} %", 100 * round.mean->accuracy)
                         : "",
                     beside);
}

/// Looks at the mean of the replicas, and leaves it in --out where it is better than each of them.
/// False, said on stderr: it could not be.
bool leave_mean(Round& round, const core::Schema& schema, const LocalOptions& o) {
  if (!round.mean_model) return true;
  const MeanModel model = *std::exchange(round.mean_model, std::nullopt);
  const auto mean = evaluate_mean(o.peer, model);
  if (!mean) {
    complain("the mean of the replicas: " + mean.error().message);
    return false;
  }
  round.mean = *mean;
  if (o.out.empty() || !round.mean_is_better()) return true;
  const auto written = write_mean(o.out / kMeanName, schema, model);
  if (!written) complain("the mean is not saved: " + written.error().message);
  return written.has_value();
}

/// Of each peer that failed, on stderr: why, as it said itself.
void print_failures(const Round& round) {
  for (std::size_t i = 0; i < round.peers.size(); ++i) {
    const Ended& peer = round.peers[i];
    if (peer.well) continue;
    complain(
        fmt::format("peer {}: {}{}{}{}", i, peer.state,
                    peer.finished || peer.known.id.empty() ? "" : "; its row is as last heard of",
                    peer.last_words.empty() ? "" : "; its last words: ", peer.last_words));
  }
}

Json peers_json(const Round& round) {
  Json peers = Json::array();
  for (const Ended& peer : round.peers) {
    Json json = to_json(peer.known);
    json["state"] = peer.state;
    peers.push_back(std::move(json));
  }
  return peers;
}

Json summary_json(const Round& round, const std::optional<Round>& alone) {
  Json json = {{"command", "local"}};
  json["peers"] = peers_json(round);
  json["spread"] = round.spread;
  json["seconds"] = round.seconds;
  json["accuracy_mean"] = round.accuracy_mean();
  if (round.mean) {
    json["mean"] = {{"test_accuracy", round.mean->accuracy},
                    {"test_loss", round.mean->loss},
                    {"better", round.mean_is_better()}};
  }
  if (alone) {
    json["alone"] = {{"peers", peers_json(*alone)}, {"accuracy_mean", alone->accuracy_mean()}};
  }
  return json;
}

/// Everything the peers would refuse, found before any is started.
core::Result<core::Schema> check_peers(const LocalOptions& o) {
  const auto device = gpu::choose_device(o.peer.device);
  if (!device) return tl::make_unexpected(device.error());
  const auto task = load_task(o.peer.training);
  if (!task) return tl::make_unexpected(task.error());
  if (task->model.closed_form()) {
    return core::fail(
        fmt::format("--model {} is for murmur sim alone", core::to_string(task->model)));
  }
  for (std::size_t i = 0; i < o.peers; ++i) {
    const auto part = part_of(*task, o.peer.training, i, o.peers);
    if (!part) return tl::make_unexpected(part.error());
    const auto checked =
        gpu::check_replica(replica_spec(*task, o.peer.training, *part, i, o.peer.threads));
    if (!checked) return tl::make_unexpected(checked.error());
  }
  if (auto door = net::read_door(o.peer.keys, o.peer.trust); !door) {
    return tl::make_unexpected(door.error());
  }
  return core::make_schema(task->model);
}

}  // namespace

core::Result<int> run_local(const std::vector<std::string>& args) {
  StopSignals signals;
  LocalOptions o;
  const auto parsed = parse_local(args, o);
  if (!parsed) return tl::make_unexpected(parsed.error());
  if (*parsed == CommandLine::Outcome::kHelp) return 0;
  const auto schema = check_peers(o);
  if (!schema) return tl::make_unexpected(schema.error());

  auto none = check_no_earlier_runs(o.out, o.state, o.peers);
  if (none && o.alone && !o.out.empty()) {
    none = check_no_earlier_runs(o.out / kAloneFolder, /*state=*/"", o.peers);
  }
  if (!none) return tl::make_unexpected(none.error());

  signals.hold(/*last=*/2, unfinished_results(o.out));
  std::optional<ScratchFolder> scratch;
  auto folders = NewDirectory::create_all({o.out, o.state});
  if (!folders) return tl::make_unexpected(folders.error());
  fs::path out = o.out;
  if (out.empty()) {
    auto made = ScratchFolder::create();
    if (!made) return tl::make_unexpected(made.error());
    out = made->path();
    scratch.emplace(std::move(*made));
  }
  if (signals.level() > 0) {
    complain(kStoppedBefore);
    return 1;
  }
  if (auto aside = set_earlier_results_aside(o.out); !aside) {
    return tl::make_unexpected(aside.error());
  }
  for (NewDirectory& folder : *folders) folder.keep();

  Stops stops(signals);
  const std::string title = fmt::format("{} peers, {}", o.peers, schema->model());
  std::vector<std::string> founder_args;
  if (!o.peer.wait_for) {
    // Else a short run would be over for the first before the others have come.
    founder_args.push_back(fmt::format("--wait-for={}", o.peers - 1));
  }
  const bool apart = o.peer.training.rule == gossip::Rule::kNone;
  auto round = run_round({o.peers, o.peer_args, founder_args, out, o.state, apart}, *schema, title,
                         stops, !apart);
  if (!round) return tl::make_unexpected(round.error());
  const bool looked = stops.level() > 1 || leave_mean(*round, *schema, o);
  std::optional<Round> alone;
  if (o.alone && !round->interrupted && round->all_well()) {
    auto alone_args = without_flag(o.peer_args, "--rule");
    alone_args.push_back("--rule=none");
    auto second = run_round({o.peers, alone_args, {}, out / kAloneFolder, "", /*apart=*/true},
                            *schema, title + ", without exchanges", stops,
                            /*looks_at_mean=*/false);
    if (!second) return tl::make_unexpected(second.error());
    if (!second->interrupted) alone = std::move(*second);
  }
  print_final(*round, alone);
  if (round->mean) say(mean_words(*round));
  print_failures(*round);
  if (!o.out.empty()) {
    if (auto written = write_json(o.out / kSummaryName, summary_json(*round, alone)); !written) {
      complain(written.error().message);
      return 1;
    }
    drop_earlier_results(o.out);
  }
  return looked && round->all_well() && (!alone || alone->all_well()) ? 0 : 1;
}

}  // namespace murmur::apps
