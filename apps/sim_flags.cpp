#include <map>
#include <sstream>

#include "apps/sim.hpp"
#include "apps/values.hpp"

namespace murmur::apps {
namespace {

constexpr std::uint64_t kStepsDefault = 1000;

constexpr const char* kDescription =
    "Runs a whole fleet of peers in one process and virtual time: the real protocol and the real\n"
    "numerics, over a network that misbehaves as told, every event checked.\n";

constexpr const char* kFooter =
    R"(Durations are written 50ms, 2s, 1min. A DIST is a duration, exp:MEAN, or uniform:LOW:HIGH.
Peers are numbered from 0; shares are written 0.2 or 20%. Beside the models of murmur peer there
are closed forms for fleets of thousands: quadratic:D and least-squares:D. One seed gives one
run, the same to the last bit: the trace hash says so.

Files:
  OUT/peer-<i>/metrics.jsonl  Evaluations and events, in virtual seconds.
  OUT/summary.json            peers[] with id, steps, test_accuracy, test_loss, exchanges,
                              staleness_mean, seconds; spread, exact, over all replicas; seed,
                              trace_hash, events, events_per_second, exchanges_per_second,
                              cpu_us_per_event, kib_per_peer, checks, violations; notes: the
                              peers that ended with nothing done, and why.

Exit status: 0; 1 if a check was violated or the run was stopped; 2 if a flag or a file was
refused, in which case nothing has been left behind.

Examples:
  64 peers on a bad network, with crashes and a network cut in half for ten seconds:
    murmur sim --peers 64 --loss 20% --duplicate 10% --delay exp:50ms --straggler 5:10
      --crash 3@4s+2s --crash 9@5s+3s:empty --cut 5s+10s
  A thousand peers on a problem whose answer is known:
    murmur sim --peers 1000 --model quadratic:64
)";

struct PeerFlags {
  std::size_t peer = 0;
  std::vector<std::string> flags;
};

/// "3:--rule none --lr 10"
core::Result<PeerFlags> parse_peer_flags(std::string_view text) {
  const std::size_t colon = text.find(':');
  PeerFlags own;
  if (colon == std::string_view::npos || !read_number(text.substr(0, colon), own.peer)) {
    return core::fail(fmt::format("'{}' is not PEER:FLAGS, as \"3:--lr 0.1\"", text));
  }
  std::istringstream words{std::string(text.substr(colon + 1))};
  for (std::string word; words >> word;) own.flags.push_back(word);
  return own;
}

/// What `own` says on top of what all peers train with.
core::Result<Training> training_of(const PeerFlags& own, const SimOptions& o) {
  const std::string who = fmt::format("--peer-flags {}: ", own.peer);
  if (own.peer >= o.peers) {
    return core::fail(fmt::format("{}there are peers 0 to {}", who, o.peers - 1));
  }
  for (const char* flag :
       {"--help", "-h", "--config", "--data", "--init", "--model", "--partition", "--seed"}) {
    if (without_flag(own.flags, flag).size() != own.flags.size()) {
      return core::fail(fmt::format("{}{} is for all peers alike", who, flag));
    }
  }
  Training training = o.training;
  for (const char* limit : {"--steps", "--epochs"}) {
    if (without_flag(own.flags, limit).size() != own.flags.size()) {
      training.steps = training.epochs = 0;
    }
  }
  CommandLine line("murmur sim", "");
  add_training_flags(line, training, "");
  const auto parsed = line.parse(own.flags);
  if (!parsed) return core::fail(who + parsed.error().message);
  return training;
}

/// The checks that a fleet comes to its end give a peer a minute where it waits for others: with
/// steps of half a minute they take one for stuck that is slow.
core::Result<void> check_step_times(const SimOptions& o) {
  constexpr core::Duration kStepMax = std::chrono::seconds(20);
  if (o.step_time.high > kStepMax) return core::fail("--step-time: a step takes over 20s");
  std::map<std::size_t, double> slowness;
  for (const sim::Straggler& straggler : o.faults.stragglers) {
    double& factor = slowness.try_emplace(straggler.peer, 1.0).first->second;
    factor *= straggler.factor;
    if (factor * core::seconds(o.step_time.high) > core::seconds(kStepMax)) {
      return core::fail(
          fmt::format("--straggler: a step of peer {} takes over 20s", straggler.peer));
    }
  }
  return {};
}

}  // namespace

core::Result<CommandLine::Outcome> parse_sim(const std::vector<std::string>& args, SimOptions& o) {
  constexpr std::size_t kPeersMax = 100'000;
  o.training.steps = 0;
  CommandLine line("murmur sim", kDescription);
  line.footer(kFooter);
  line.group("Fleet");
  line.add("--peers", o.peers, number_in<std::size_t>(1, kPeersMax),
           {"N", "4", "How many peers; peer i trains on part i/N."});
  line.add("--step-time", o.step_time, sim::parse_distribution,
           {"DIST", sim::to_string(o.step_time),
            "How long a training step takes, up to 20s, of a --straggler too."});
  std::vector<PeerFlags> own;
  line.add_repeated("--peer-flags", own, parse_peer_flags,
                    {"PEER:FLAGS", "",
                     "Flags that only PEER has, of those below on what to train and how to\n"
                     "exchange, as \"3:--rule none --lr 10\"."});
  line.group("Network and faults");
  line.add("--delay", o.faults.delay, sim::parse_distribution,
           {"DIST", sim::to_string(o.faults.delay),
            "From sending a message to its arrival, drawn for each: so a random one reorders."});
  line.add("--bandwidth", o.faults.bandwidth, parse_bandwidth,
           {"BYTES", "0", "What each peer can send a second, as 250000, 10kB, 1.5MB; 0: any."});
  line.add("--loss", o.faults.loss, parse_probability,
           {"SHARE", "0", "Share of messages lost (nothing to do with the training loss)."});
  line.add("--duplicate", o.faults.duplicate, parse_probability,
           {"SHARE", "0", "Share of messages that arrive twice."});
  line.add("--corrupt", o.faults.corrupt, parse_probability,
           {"SHARE", "0", "Share of messages that arrive with a bit flipped, or cut short."});
  line.add("--save-fails", o.faults.save_fails, parse_probability,
           {"SHARE", "0", "Share of checkpoints that cannot be written."});
  line.add("--torn", o.faults.torn, parse_probability,
           {"SHARE", "0",
            "Share of crashes after which the newest checkpoint is torn and the one before\n"
            "it is used."});
  line.add("--calm-from", o.faults.calm_from, core::parse_duration,
           {"DURATION", "0",
            "From then on messages are neither lost, duplicated nor corrupted, and what is\n"
            "saved is written; 0: never."});
  line.add_repeated("--straggler", o.faults.stragglers, sim::parse_straggler,
                    {"PEER:FACTOR", "", "Everything PEER computes takes FACTOR times as long."});
  line.add_repeated("--crash", o.faults.crashes, sim::parse_crash,
                    {"PEER@AT[+AFTER[:HOW]]", "",
                     "Kill PEER at AT, and start it again AFTER that from its checkpoint; or\n"
                     "backup, from its state folder as it was before its last start (backup5:\n"
                     "five starts); or empty, as a new peer; or as a founder, empty and with\n"
                     "nobody to join."});
  line.add_repeated("--founder", o.faults.founders, sim::parse_founder,
                    {"PEER", "", "PEER has nobody to join at its start, as peer 0."});
  line.add_repeated(
      "--twin", o.faults.twins, sim::parse_twin,
      {"PEER@AT+LENGTH", "",
       "Start a second process at AT, 2s at least, from a copy of PEER's state folder,\n"
       "and kill it LENGTH later, or when PEER has settled. Not with a crash or cut\n"
       "around that time."});
  line.add_repeated("--cut", o.faults.cuts, sim::parse_cut,
                    {"START+LENGTH[:SHAPE]", "",
                     "Cut the network for LENGTH: into halves; one-way, from the lower half to\n"
                     "the upper; or all, every link."});
  line.add_repeated("--stop", o.faults.stops, sim::parse_stop,
                    {"PEER@AT", "", "Ask PEER to end, as SIGTERM does; twice: at once."});
  line.add_repeated("--nan", o.faults.divergences, sim::parse_divergence,
                    {"PEER@AT", "", "From AT on PEER's training gives NaN."});
  add_training_flags(line, o.training, fmt::format("{} without another limit", kStepsDefault));
  line.group("Files");
  line.add("--out", o.out, text_value,
           {"DIR", "",
            "Write summary.json and each peer's metrics.jsonl into DIR, which must not hold an\n"
            "earlier run's."});
  const auto parsed = line.parse(args);
  if (!parsed || *parsed == CommandLine::Outcome::kHelp) return parsed;
  if (o.training.steps == 0 && o.training.epochs == 0 && o.training.duration.count() == 0) {
    o.training.steps = kStepsDefault;
  }
  for (const PeerFlags& flags : own) {
    auto training = training_of(flags, o);
    if (!training) return tl::make_unexpected(training.error());
    o.own.insert_or_assign(flags.peer, std::move(*training));
  }
  if (auto possible = sim::check_plan(o.faults, o.peers); !possible) {
    return tl::make_unexpected(possible.error());
  }
  if (auto ok = check_step_times(o); !ok) return tl::make_unexpected(ok.error());
  return parsed;
}

}  // namespace murmur::apps
