#include "apps/peer.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <random>

#include "apps/background_writer.hpp"
#include "apps/console.hpp"
#include "apps/draw.hpp"
#include "apps/earlier_run.hpp"
#include "apps/journal.hpp"
#include "apps/metrics.hpp"
#include "apps/narrator.hpp"
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
#include "net/contacts.hpp"
#include "net/node.hpp"

namespace murmur::apps {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::uint64_t draw_word() {
  std::random_device chance;
  return std::uint64_t{chance()} << 32 | chance();
}

/// What a peer is made of, all of it checked, and only folders made.
struct Peer {
  std::unique_ptr<core::Replica> replica;
  std::unique_ptr<net::Node> node;
  gossip::Config config;
  core::KeyPair keys;  ///< fresh, until those of --state are known
  std::size_t rows = 0;
  std::string device;
  std::unique_ptr<core::Storage> storage;
  std::optional<core::Bytes> saved;  ///< if it resumes
  std::uint64_t resumed_at = 0;      ///< step
  core::Identity self;
  std::vector<std::string> notices;  ///< what a person should know of the flags given
};

core::Result<Peer> make_peer(const PeerOptions& o) {
  Peer peer;
  const auto device = gpu::choose_device(o.device);
  if (!device) return tl::make_unexpected(device.error());
  peer.device = gpu::to_string(*device);
  if (o.training.rule == gossip::Rule::kNone && !o.join.empty()) {
    return core::fail("--join: a peer with --rule none exchanges with nobody");
  }
  const auto task = load_task(o.training);
  if (!task) return tl::make_unexpected(task.error());
  if (task->model.closed_form()) {
    return core::fail(
        fmt::format("--model {} is for murmur sim alone", core::to_string(task->model)));
  }
  const core::Partition part = o.part.value_or(core::Partition{});
  auto rows = part_of(*task, o.training, part.index, part.count);
  if (!rows) return tl::make_unexpected(rows.error());
  if (part.count > 1) {  // the others' rows need not stay in memory
    core::Samples own = **rows;
    own.bytes = own.bytes.compact(own.width);
    *rows = std::make_shared<const core::Samples>(std::move(own));
  }
  peer.rows = (*rows)->rows;
  peer.config = gossip_config(o.training, peer.rows);
  if (o.part) {
    peer.config.words.push_back(fmt::format("part={}/{}", part.index, part.count));
  }
  if (!o.swarm.empty()) peer.config.swarm = core::swarm_id(o.swarm);
  peer.config.wait_for = o.wait_for.value_or(0);
  if (!o.state.empty()) peer.config.save_every = o.save_every;

  const auto secret = draw_secret();
  if (!secret) return tl::make_unexpected(secret.error());
  peer.keys = core::key_pair({*secret});
  // Peers that share all of the data must not also share the order they see it in.
  const std::uint64_t stream = o.part           ? part.index
                               : o.join.empty() ? 0
                                                : core::peer_id(peer.keys.shown).low;
  auto replica = gpu::make_replica(
      replica_spec(*task, o.training, std::move(*rows), stream, o.threads), *device);
  if (!replica) return tl::make_unexpected(replica.error());
  peer.replica = std::move(*replica);

  net::NodeConfig where;
  where.listen = o.listen;
  where.keys = o.keys;
  where.trust = o.trust;
  where.insecure = o.insecure;
  auto node = net::Node::open(where);
  if (!node) return tl::make_unexpected(node.error());
  peer.node = std::move(*node);
  const auto bound = net::parse_endpoint(peer.node->address());
  if (!bound) return tl::make_unexpected(bound.error());
  auto contacts = net::look_up_contacts(o.join, *bound);
  if (!contacts) return core::fail("--join: " + contacts.error().message);
  peer.config.join = std::move(contacts->addresses);
  peer.notices = std::move(contacts->left_out);
  if (!o.training.init.empty() && !o.join.empty()) {
    peer.notices.push_back(
        "--init: this peer copies the parameters of those that it joins instead");
  }
  const auto listen = net::parse_endpoint(o.listen);
  if (listen && !net::is_numeric(*listen) && listen->host != "localhost" &&
      net::is_loopback(*bound)) {
    // Debian's own: the machine's name stands beside 127.0.1.1 in /etc/hosts.
    peer.notices.push_back(fmt::format(
        "--listen {}: that is {} here, which only this machine reaches", o.listen, bound->host));
  }
  return peer;
}

/// Files that a process which is killed may leave half written.
std::vector<std::filesystem::path> unfinished_files(const PeerOptions& o) {
  auto files = unfinished_results(o.out);
  if (!o.state.empty()) {
    for (const char* name : {"identity.key", "identity.json", "checkpoint.0", "checkpoint.1"}) {
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
    const auto keys = (*storage)->keys(peer.keys.secret);
    if (!keys) return tl::make_unexpected(keys.error());
    peer.keys = *keys;
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
    const auto step = gossip::saved_step(checkpoint->protocol, **last, peer.replica->schema());
    if (!step) return in_state(step.error().message);
    peer.resumed_at = *step;
    if (auto loaded = peer.replica->load(checkpoint->replica); !loaded) {
      return in_state(loaded.error().message);
    }
    peer.saved = std::move(checkpoint->protocol);
  }
  auto self = peer.storage->start(core::peer_id(peer.keys.shown));
  if (!self) return tl::make_unexpected(self.error());
  peer.self = *self;
  peer.node->call_as(peer.keys);
  return {};
}

std::string stop_words(int level) {
  return level == 1 ? "asked to stop: training ends; again to leave out settling and lingering"
                    : "asked to stop at once";
}

Json start_record(const Peer& peer, double t) {
  Json json = {{"event", "start"}, {"t", t}};
  json["id"] = core::to_string(peer.self.id);
  json["boot"] = peer.self.boot;
  json["key"] = core::to_string(peer.keys.shown);
  json["address"] = peer.node->address();
  json["pid"] = ::getpid();
  json["model"] = peer.replica->schema().model();
  json["device"] = peer.device;
  json["rows"] = peer.rows;
  return json;
}

/// What was asked for and could not be written, a line each.
using Unwritten = std::vector<std::string>;

/// Notes how the checkpoints went.
class Checkpoints {
 public:
  void take(const gossip::Report& report) {
    const auto* save = std::get_if<gossip::SaveReport>(&report);
    if (save == nullptr) return;
    failure_ = save->result ? std::string() : save->result.error().message;
    if (save->result) step_ = save->step;
  }
  /// `step`: of the checkpoint that the peer began with; 0: none.
  void begin_at(std::uint64_t step) { step_ = step; }
  void add_to(Unwritten& unwritten) const {
    if (failure_.empty()) return;
    unwritten.push_back(fmt::format(
        "the last checkpoint is not saved, {}: {}",
        step_ > 0 ? fmt::format("the newest is of step {}", step_) : "and there is none before it",
        failure_));
  }

 private:
  std::string failure_;  ///< of the last; empty: it is written, or none was wanted
  std::uint64_t step_ = 0;
};

PeerSummary summary_of(const Peer& peer, const net::Outcome& outcome, double seconds) {
  const core::Evaluation test = peer.replica->evaluate();
  PeerSummary summary;
  summary.id = core::to_string(peer.self.id);
  summary.steps = outcome.status.step;
  summary.test_accuracy = test.accuracy;
  summary.test_loss = test.loss;
  summary.exchanges = outcome.status.exchanges;
  summary.staleness_mean = outcome.status.staleness_mean;
  summary.seconds = seconds;
  return summary;
}

/// `spread`: gossip::Status's.
std::string in_words(const PeerSummary& summary, double spread, const Peer& peer) {
  return fmt::format(
      "{} ended at step {}: test loss {:.4f}{}{}\n", core::short_name(peer.self.id), summary.steps,
      summary.test_loss,
      std::isfinite(summary.test_accuracy)
          ? fmt::format(", accuracy {:.2f} %", 100 * summary.test_accuracy)
          : "",
      std::isfinite(spread)
          ? fmt::format("; its neighbours were last at most {} away", small_cell(spread))
          : "");
}

/// model.safetensors and summary.json; each says whose it is.
void write_results(const std::filesystem::path& out, const Peer& peer, const PeerSummary& summary,
                   const net::Outcome& outcome, Unwritten& unwritten) {
  const core::Schema& schema = peer.replica->schema();
  std::vector<float> parameters(schema.parameters());
  peer.replica->read_parameters(parameters);
  const auto model = core::write_safetensors(out / kModelName, schema, parameters,
                                             {{"peer", summary.id},
                                              {"boot", fmt::format("{}", peer.self.boot)},
                                              {"step", fmt::format("{}", summary.steps)}});
  if (!model) unwritten.push_back("the model is not saved: " + model.error().message);

  Json json = {{"command", "peer"}};
  json["peers"] = Json::array({to_json(summary)});
  json["boot"] = peer.self.boot;
  json["spread"] = outcome.status.spread;
  json["seconds"] = summary.seconds;
  json["counters"] = to_json(outcome.counters);
  json["rejected"] = rejected_json(outcome.counters);
  json["door"] = to_json(outcome.door);
  const auto written = write_json(out / kSummaryName, json);
  if (!written) unwritten.push_back("the summary is not saved: " + written.error().message);
  if (model && written) drop_earlier_results(out);
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
  BackgroundWriter console(kConsoleMax, say, [](std::uint64_t lines) {
    return fmt::format("... {} lines left out\n", lines);
  });
  Narrator narrator([&console](std::string line) { console.write(std::move(line)); });
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

  Journal journal(std::move(*metrics));
  journal.write(start_record(*peer, elapsed()));
  narrator.print(
      elapsed(),
      fmt::format("{} at {}: {}, {} rows, {}{}", core::short_name(peer->self.id),
                  peer->node->address(), peer->replica->schema().model(), peer->rows, peer->device,
                  peer->saved ? fmt::format(", resumed at step {}", peer->resumed_at) : ""));

  if (peer->saved && !o.training.init.empty()) {
    narrator.print(elapsed(), "--init: this peer resumes from --state instead");
  }
  if (!o.keys.empty()) {
    narrator.print(elapsed(),
                   fmt::format("its line for --trust: {} {}", core::to_string(peer->keys.shown),
                               core::short_name(peer->self.id)));
  }
  for (const std::string& notice : peer->notices) narrator.print(elapsed(), notice);

  Recorder recorder;
  Checkpoints checkpoints;
  checkpoints.begin_at(peer->resumed_at);
  const auto on_report = [&](core::Instant, const gossip::Report& report) {
    const double t = elapsed();
    journal.take(t, report, recorder);
    checkpoints.take(report);
    narrator.say(t, report);
  };
  const auto on_status = [&](const gossip::Status& status, const gossip::Counters& counters) {
    const double t = elapsed();
    narrator.say(t, status, recorder);
    journal.take(t, status, counters, recorder);
  };
  // Not from the seed: what tells one process, or one draw of parameters, from all others.
  const core::Rng rng(draw_word(), draw_word(), "gossip");
  const net::Outcome outcome =
      peer->node->run(*peer->replica, *peer->storage, peer->config, peer->self,
                      std::move(peer->saved), rng, on_report, on_status);
  auto result = outcome.result;
  // Parameters as they were drawn are not a model.
  if (result && outcome.status.step == 0) result = core::fail("stopped before its first step");
  Unwritten unwritten;
  if (result) {
    const PeerSummary summary = summary_of(*peer, outcome, elapsed());
    console.write(in_words(summary, outcome.status.spread, *peer));
    const std::uint64_t own = outcome.status.step - outcome.status.step_adopted;
    if (o.training.epochs > 0 && own < peer->config.steps_max / o.training.epochs) {
      console.write(
          fmt::format("it trained {} steps of its own, less than one pass over its data: --epochs "
                      "counts the {} "
                      "steps copied when joining\n",
                      own, outcome.status.step_adopted));
    }
    if (!o.out.empty()) write_results(o.out, *peer, summary, outcome, unwritten);
  } else {
    unwritten.push_back(result.error().message);
  }
  checkpoints.add_to(unwritten);
  if (const auto lost = journal.finish(); lost > 0) {
    unwritten.push_back(fmt::format("metrics.jsonl lacks {} records", lost));
  }
  // All that matters is written, so whoever waits for a stopped terminal may stop waiting.
  console.finish([&stops, level = stops.level()] { return stops.level() > level; });
  for (const std::string& line : unwritten) complain(line);
  return unwritten.empty() ? 0 : 1;
}

}  // namespace murmur::apps
