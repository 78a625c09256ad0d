#include "apps/device_flags.hpp"
#include "apps/peer.hpp"
#include "apps/values.hpp"

namespace murmur::apps {
namespace {

constexpr const char* kDescription =
    "Trains one replica on one part of the data and trades parameter differences with\n"
    "random neighbours, until --steps, --epochs or --duration ends it or Ctrl-C does.\n";

constexpr const char* kFooter = R"(Durations are written 50ms, 2s, 1m, 1h.

Files:
  OUT/metrics.jsonl      Curves while it runs: one JSON object a line, 3 MB a day.
  OUT/summary.json       At the end: peers[] with id, steps, test_accuracy, test_loss,
                         exchanges, staleness_mean, seconds; spread; counters.
  OUT/model.safetensors  The model, as PyTorch's nn.Sequential names it.
  STATE/                 identity.key and identity.json, two checkpoints and a lock.

Ctrl-C, SIGTERM and SIGHUP end training; settling, lingering and saving follow as at any end. A
second one leaves out settling and lingering, a third ends the process at once. A standard output
that is closed or full ends nothing.

Exit status: 0 if it ran to its end or was stopped once it had trained; 1 if it failed on the way
or never trained, and then there is no model, or could not write all that it was asked to, which
its last lines name; 2 if a flag or a file was refused, in which case
nothing has been left behind.

Examples:
  Three peers that share the digits, each with a third that no other sees:
    murmur peer --listen 127.0.0.1:7000 --part 0/3 --duration 30s
    murmur peer --join 127.0.0.1:7000 --part 1/3 --duration 30s
    murmur peer --join 127.0.0.1:7000 --part 2/3 --duration 30s
  Between machines that have the same swarm.key, resuming after a crash:
    murmur peer --key swarm.key --listen 0.0.0.0:7000 --state /var/lib/murmur --join alpha:7000
)";

core::Result<std::string> swarm_name(std::string_view text) {
  constexpr std::size_t kNameMax = 255;
  if (!text.empty() && text.size() <= kNameMax) return std::string(text);
  return core::fail(fmt::format("{} characters are not in 1..{}", text.size(), kNameMax));
}

}  // namespace

core::Result<CommandLine::Outcome> parse_peer(const std::vector<std::string>& args,
                                              PeerOptions& o) {
  CommandLine line("murmur peer", kDescription);
  line.footer(kFooter);
  line.group("Where");
  line.add("--listen", o.listen, text_value,
           {"HOST:PORT", o.listen, "Receive on this address; port 0 takes a free one."});
  line.add_repeated(
      "--join", o.join, text_value,
      {"HOST:PORT", "",
       "A member of the run; may be repeated. The others are learned from it and\n"
       "the parameters copied; if none is found in 30 s, the peer ends. Without it this\n"
       "peer draws the parameters."});
  line.add("--wait-for", o.wait_for, number_in<std::size_t>(0, 255),
           {"N", "0", "Begin training when N neighbours are there, or after 10 s."});
  line.add_repeated(
      "--key", o.keys, path_value,
      {"FILE", "",
       "The swarm's key (murmur keygen): messages are encrypted, and nothing comes in\n"
       "from who has none. Given twice, both keys fit, so that a swarm can change it."});
  line.add("--swarm", o.swarm, swarm_name,
           {"NAME", "",
            "Which run this is: peers of two names leave each other alone. The default is the\n"
            "key's own, and without a key none."});
  line.add("--trust", o.trust, path_value,
           {"FILE", "",
            "Of the key's holders let in only those in FILE, a public key and a name a line.\n"
            "A changed FILE is followed within a second."});
  line.add_switch("--insecure", o.insecure,
                  "Allow a --listen that is not loopback without --key. Messages are neither\n"
                  "encrypted nor authenticated: on a trusted network only.");
  line.add("--part", o.part, core::parse_part,
           {"I/N", "", "Train on part I of N, counted from 0. The default is all of the data."});
  add_training_flags(line, o.training, "");
  line.group("Machine");
  add_device_flags(line, o.device, o.threads);
  line.group("Files");
  line.add("--state", o.state, text_value,
           {"DIR", "", "Keep identity and checkpoints in DIR, and resume from what is there."});
  line.add("--save-every", o.save_every, core::parse_duration,
           {"DURATION", core::to_string(o.save_every), "Cadence of checkpoints with --state."});
  line.add("--out", o.out, text_value,
           {"DIR", "",
            "Write metrics.jsonl, summary.json and model.safetensors into DIR. One that has an\n"
            "earlier run's is refused, unless --state resumes that run."});
  const auto parsed = line.parse(args);
  if (!parsed || *parsed == CommandLine::Outcome::kHelp) return parsed;
  constexpr std::size_t kKeysMax = 2;
  if (o.keys.size() > kKeysMax) {
    return core::fail(fmt::format("--key: {} files > {}", o.keys.size(), kKeysMax));
  }
  if (o.save_every.count() == 0) return core::fail("--save-every: 0 would never save");
  if (!o.trust.empty() && o.keys.empty()) {
    return core::fail("--trust: without --key nobody can show who it is");
  }
  return parsed;
}

}  // namespace murmur::apps
