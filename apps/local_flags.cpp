#include <algorithm>

#include "apps/local.hpp"
#include "apps/values.hpp"

namespace murmur::apps {
namespace {

constexpr const char* kDescription =
    "Starts several murmur peer processes on this machine, each with its own part of the data,\n"
    "and shows them in one table. Flags after -- are murmur peer's, and given to every one. The\n"
    "first waits for the others before it trains, unless --wait-for is among them.\n";

constexpr const char* kFooter =
    R"(A peer that dies is shown with the signal or status it died of, as it was last heard of, and is
left out of the mean; the others go on. Ctrl-C, SIGTERM and SIGHUP are passed on to the peers (see
murmur peer --help), which are waited for while they settle and save; after a third they end by
themselves. A signal to all processes at once counts once.

Files:
  OUT/peer-<i>/          What each peer writes (see murmur peer --help), and log.
  OUT/summary.json       At the end: peers[] with id, steps, test_accuracy, test_loss,
                         exchanges, staleness_mean, seconds, state; spread, exact, over all
                         replicas; mean, how good the replicas' mean is as a model; with
                         --alone the same of the peers without exchanges.
  OUT/mean.safetensors   That mean, where its held-out loss is below that of each replica.

Exit status: 0 if every peer ran to its end; 1 if one failed, or a result could not be written;
2 if a flag or a file was refused, in which case nothing has been left behind.

Examples:
  Four peers, a quarter of the digits each, for 15 seconds:
    murmur local --peers 4 -- --duration 15s
  The same beside what they reach without each other:
    murmur local --peers 4 --alone -- --duration 15s
  MNIST, with curves and models kept:
    murmur local --peers 2 --out run -- --data mnist:DIR --epochs 5
)";

/// Error: a flag after "--" that local sets for each peer itself.
core::Result<void> check_peer_flags(const PeerOptions& peer) {
  const auto own = [](const char* flag, const char* instead) {
    return core::fail(fmt::format("{} is set by murmur local for each peer{}", flag, instead));
  };
  if (peer.listen != PeerOptions().listen) return own("--listen", "");
  if (!peer.join.empty()) return own("--join", "");
  if (peer.part) return own("--part", "");
  if (!peer.out.empty()) return own("--out", "; give it before --");
  if (!peer.state.empty()) return own("--state", "; give it before --");
  return {};
}

}  // namespace

core::Result<CommandLine::Outcome> parse_local(const std::vector<std::string>& args,
                                               LocalOptions& o) {
  constexpr std::size_t kPeersMax = 256;
  const auto dashes = std::find(args.begin(), args.end(), "--");
  const std::vector<std::string> own(args.begin(), dashes);
  if (dashes != args.end()) o.peer_args.assign(dashes + 1, args.end());

  CommandLine line("murmur local", kDescription);
  line.footer(kFooter);
  line.add("--peers", o.peers, number_in<std::size_t>(1, kPeersMax),
           {"N", "4", "How many peers; peer i trains on part i/N."});
  line.add_switch("--alone", o.alone,
                  "Afterwards run the same peers without exchanges, and show both.");
  line.add("--state", o.state, text_value,
           {"DIR", "", "Keep each peer's identity and checkpoints in DIR/peer-<i>, and resume."});
  line.add("--out", o.out, text_value,
           {"DIR", "",
            "Keep what the peers write in DIR/peer-<i>, and write DIR/summary.json. A DIR that\n"
            "has an earlier run's is refused, unless --state resumes that run."});
  const auto parsed = line.parse(own);
  if (!parsed || *parsed == CommandLine::Outcome::kHelp) return parsed;
  const auto peer_parsed = parse_peer(o.peer_args, o.peer);
  if (!peer_parsed || *peer_parsed == CommandLine::Outcome::kHelp) return peer_parsed;
  if (auto checked = check_peer_flags(o.peer); !checked) {
    return tl::make_unexpected(checked.error());
  }
  return parsed;
}

}  // namespace murmur::apps
