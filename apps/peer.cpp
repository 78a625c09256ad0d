#include "apps/peer.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <random>

#include "apps/console.hpp"
#include "apps/earlier_run.hpp"
#include "apps/metrics.hpp"
#include "apps/new_directory.hpp"
#include "apps/results.hpp"
#include "apps/stop_signals.hpp"
#include "apps/summary.hpp"
#include "apps/table.hpp"
#include "core/file_io.hpp"
#include "core/safetensors.hpp"
#include "core/storage.hpp"
#include "gossip/work.hpp"
#include "gpu/device.hpp"
#include "net/node.hpp"

namespace murmur::apps {
namespace {

using SteadyClock = std::chrono::steady_clock;

core::PeerId draw_id() {
  std::random_device chance;
  const auto word = [&chance] { return std::uint64_t{chance()} << 32 | chance(); };
  return {word(), word() | 1};  // never zero, which means "nobody"
}

/// What a peer is made of, all of it checked, and only folders made.
struct Peer {
  std::unique_ptr<core::Replica> replica;
  std::unique_ptr<net::Node> node;
  gossip::Config config;
  core::PeerId fresh_id;
  std::size_t rows = 0;
  std::string device;
  std::unique_ptr<core::Storage> storage;
  std::optional<core::Bytes> snapshot;  ///< if it resumes
  std::uint64_t resumed_at = 0;         ///< step
  core::Identity self;
};

core::Result<Peer> make_peer(const PeerOptions& o) {
  Peer peer;
  const auto device = gpu::choose_device(o.device);
  if (!device) return tl::make_unexpected(device.error());
  peer.device = gpu::to_string(*device);
  const auto task = load_task(o.training);
  if (!task) return tl::make_unexpected(task.error());
  if (task->model.closed_form()) {
    return core::fail(
        fmt::format("--model {} is for murmur sim alone", core::to_string(task->model)));
  }
  const core::Partition part = o.part.value_or(core::Partition{});
  auto rows = part_of(*task, o.training, part.index, part.count);
  if (!rows) return tl::make_unexpected(rows.error());
  peer.rows = (*rows)->rows;
  peer.config = gossip_config(o.training, peer.rows);
  if (o.part) {
    peer.config.words.push_back(fmt::format("part={}/{}", part.index, part.count));
  }
  peer.config.wait_for = o.wait_for.value_or(0);
  for (const gossip::Address& contact : o.join) {
    auto address = net::resolve(contact);
    if (!address) return core::fail("--join: " + address.error().message);
    peer.config.join.push_back(std::move(*address));
  }
  if (!o.state.empty()) peer.config.save_every = o.save_every;

  peer.fresh_id = draw_id();
  // Peers that share all of the data must not also share the order they see it in.
  const std::uint64_t stream = o.part ? part.index : o.join.empty() ? 0 : peer.fresh_id.low;
  auto replica = gpu::make_replica(
      replica_spec(*task, o.training, std::move(*rows), stream, o.threads), *device);
  if (!replica) return tl::make_unexpected(replica.error());
  peer.replica = std::move(*replica);

  net::NodeConfig where;
  where.listen = o.listen;
  where.insecure = o.insecure;
  auto node = net::Node::open(where);
  if (!node) return tl::make_unexpected(node.error());
  peer.node = std::move(*node);
  for (const gossip::Address& contact : peer.config.join) {
    if (contact != peer.node->address()) continue;
    return core::fail(fmt::format("--join: {} is this peer itself", contact));
  }
  return peer;
}

/// Files that a process which is killed may leave half written.
std::vector<std::filesystem::path> unfinished_files(const PeerOptions& o) {
  auto files = unfinished_results(o.out);
  if (!o.state.empty()) {
    for (const char* name : {"identity.json", "checkpoint.0", "checkpoint.1"}) {
      files.push_back(core::temporary_of(o.state / name));
    }
  }
  return files;
}

/// Opens the state folder, loads what is in it, and counts the start.
core::Result<void> open_state(const PeerOptions& o, Peer& peer) {
  if (o.state.empty()) {
    peer.storage = std::make_unique<core::MemoryStorage>();
  } else {
    auto storage = core::FileStorage::open(o.state);
    if (!storage) return tl::make_unexpected(storage.error());
    peer.storage = std::move(*storage);
  }
  const auto in_state = [&o](const std::string& what) {
    return core::fail(fmt::format("{}: {}", o.state.string(), what));
  };
  const auto last = peer.storage->identity();
  if (!last) return tl::make_unexpected(last.error());
  auto saved = peer.storage->load();
  if (!saved) return tl::make_unexpected(saved.error());
  if (*saved) {
    auto checkpoint = gossip::split_checkpoint(**saved);
    if (!checkpoint) return in_state(checkpoint.error().message);
    const auto step = gossip::snapshot_step(checkpoint->protocol, **last, peer.replica->schema());
    if (!step) return in_state(step.error().message);
    peer.resumed_at = *step;
    if (auto loaded = peer.replica->load(checkpoint->replica, /*adopt=*/false); !loaded) {
      return in_state(loaded.error().message);
    }
    peer.snapshot = std::move(checkpoint->protocol);
  }
  auto self = peer.storage->start(peer.fresh_id);
  if (!self) return tl::make_unexpected(self.error());
  peer.self = *self;
  return {};
}

std::string in_words(const gossip::PeerReport& report) {
  using What = gossip::PeerReport::What;
  const std::string name = core::short_name(report.peer);
  const std::string who = report.address.empty() ? name : name + " " + report.address;
  switch (report.what) {
    case What::kRefused:
      return fmt::format("this peer refuses {}: {}", who, report.message);
    case What::kRefusedUs:
      return fmt::format("{} refuses this peer: {}", who, report.message);
    default:
      return fmt::format("{} {}{}{}", who, to_string(report.what),
                         report.message.empty() ? "" : ": ", report.message);
  }
}

/// What a person sees of one peer: a line when something happens, and one a second.
class Narrator {
 public:
  void say(double t, const gossip::Report& report) {
    if (const auto* peer = std::get_if<gossip::PeerReport>(&report)) {
      print(t, in_words(*peer));
    } else if (const auto* phase = std::get_if<gossip::PhaseReport>(&report)) {
      print(t, fmt::format("{}{}{}", gossip::to_string(phase->phase),
                           phase->message.empty() ? "" : ": ", phase->message));
    } else if (const auto* save = std::get_if<gossip::SaveReport>(&report);
               save != nullptr && !save->result) {
      print(t, "cannot save: " + save->result.error().message);
    } else if (const auto* notice = std::get_if<gossip::NoticeReport>(&report)) {
      print(t, notice->message);
    }
  }

  void say(double t, const gossip::Status& status, const Recorder& recorder) {
    if (t < next_) return;
    next_ = t + 1;
    if (status.phase == gossip::Phase::kJoining) {
      return print(t, "looking for a peer to copy the parameters from");
    }
    std::string line =
        fmt::format("step {}  train loss {}", status.step, loss_cell(recorder.train_loss()));
    if (const auto& test = recorder.evaluation()) {
      line += fmt::format("  test loss {:.4f}", test->loss);
      if (std::isfinite(test->accuracy)) line += fmt::format(" ({:.1f} %)", 100 * test->accuracy);
    }
    print(t, fmt::format("{}  {} neighbours, {} exchanges, staleness {}, spread {}", line,
                         status.neighbours, status.exchanges, plain_cell(status.staleness_mean, 1),
                         small_cell(status.spread)));
  }

  void print(double t, const std::string& text) {
    apps::say(fmt::format("{:8.1f} s  {}\n", t, text));
  }

 private:
  double next_ = 1;
};

std::string stop_words(int level) {
  return level == 1 ? "asked to stop: training ends; again to leave out settling and lingering"
                    : "asked to stop at once";
}

Json start_record(const Peer& peer, double t) {
  Json json = {{"event", "start"}, {"t", t}};
  json["id"] = core::to_string(peer.self.id);
  json["boot"] = peer.self.boot;
  json["address"] = peer.node->address();
  json["pid"] = ::getpid();
  json["model"] = peer.replica->schema().model();
  json["device"] = peer.device;
  json["rows"] = peer.rows;
  return json;
}

core::Result<void> write_results(const PeerOptions& o, Peer& peer, const net::Outcome& outcome,
                                 double seconds) {
  const core::Evaluation test = peer.replica->evaluate();
  PeerSummary summary;
  summary.id = core::to_string(peer.self.id);
  summary.steps = outcome.status.step;
  summary.test_accuracy = test.accuracy;
  summary.test_loss = test.loss;
  summary.exchanges = outcome.status.exchanges;
  summary.staleness_mean = outcome.status.staleness_mean;
  summary.seconds = seconds;
  say(fmt::format(
      "{} ended at step {}: test loss {:.4f}{}\n", core::short_name(peer.self.id), summary.steps,
      test.loss,
      std::isfinite(test.accuracy) ? fmt::format(", accuracy {:.2f} %", 100 * test.accuracy) : ""));
  if (o.out.empty()) return {};

  const core::Schema& schema = peer.replica->schema();
  std::vector<float> parameters(schema.parameters());
  peer.replica->read_parameters(parameters);
  if (auto written = core::write_safetensors(o.out / kModelName, schema, parameters); !written) {
    return written;
  }
  Json json = {{"command", "peer"}};
  json["peers"] = Json::array({to_json(summary)});
  json["spread"] = outcome.status.spread;
  json["seconds"] = seconds;
  json["counters"] = to_json(outcome.counters);
  json["rejected"] = rejected_json(outcome.counters);
  if (auto written = write_json(o.out / kSummaryName, json); !written) return written;
  drop_earlier_results(o.out);
  return {};
}

}  // namespace

core::Result<int> run_peer(const std::vector<std::string>& args) {
  const auto began = SteadyClock::now();
  StopSignals stops;
  PeerOptions o;
  const auto parsed = parse_peer(args, o);
  if (!parsed) return tl::make_unexpected(parsed.error());
  if (*parsed == CommandLine::Outcome::kHelp) return 0;

  auto peer = make_peer(o);
  if (!peer) return tl::make_unexpected(peer.error());
  if (auto none = check_no_earlier_run(o.out, o.state); !none) {
    return tl::make_unexpected(none.error());
  }
  stops.hold(/*last=*/2, unfinished_files(o));
  const auto elapsed = [began] {
    return std::chrono::duration<double>(SteadyClock::now() - began).count();
  };
  Narrator narrator;
  const StopSignals::Listener listener(stops, [&] {
    peer->node->stop();
    narrator.print(elapsed(), stop_words(stops.level()));
  });
  auto folders = NewDirectory::create_all({o.out, o.state});
  if (!folders) return tl::make_unexpected(folders.error());
  if (auto opened = open_state(o, *peer); !opened) return tl::make_unexpected(opened.error());
  auto metrics = MetricsFile::open(o.out.empty() ? "" : o.out / "metrics.jsonl");
  if (!metrics) return tl::make_unexpected(metrics.error());
  if (stops.level() > 0) {
    complain(kStoppedBefore);
    return 1;
  }
  if (auto aside = set_earlier_results_aside(o.out); !aside) {
    return tl::make_unexpected(aside.error());
  }
  for (NewDirectory& folder : *folders) folder.keep();

  metrics->write(start_record(*peer, elapsed()));
  metrics->flush();
  narrator.print(
      elapsed(),
      fmt::format("{} at {}: {}, {} rows, {}{}", core::short_name(peer->self.id),
                  peer->node->address(), peer->replica->schema().model(), peer->rows, peer->device,
                  peer->snapshot ? fmt::format(", resumed at step {}", peer->resumed_at) : ""));

  Recorder recorder;
  const auto on_report = [&](core::Instant, const gossip::Report& report) {
    const double t = elapsed();
    if (const auto record = recorder.record(t, report)) metrics->write(*record);
    narrator.say(t, report);
  };
  const auto on_status = [&](const gossip::Status& status, const gossip::Counters& counters) {
    const double t = elapsed();
    narrator.say(t, status, recorder);
    metrics->write(recorder.status(t, status, counters));
    metrics->flush();
  };
  const core::Rng rng(o.training.seed, peer->self.id.low + peer->self.boot, "gossip");
  const net::Outcome outcome =
      peer->node->run(*peer->replica, *peer->storage, peer->config, peer->self,
                      std::move(peer->snapshot), rng, on_report, on_status);
  auto result = outcome.result;
  // Parameters as they were drawn are not a model.
  if (result && outcome.status.step == 0) result = core::fail("stopped before its first step");
  if (result) result = write_results(o, *peer, outcome, elapsed());
  if (result) return 0;
  complain(result.error().message);
  return 1;
}

}  // namespace murmur::apps
