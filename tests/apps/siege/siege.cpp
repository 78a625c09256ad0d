// siege [SECONDS [key]]: four real peers, with a swarm's key if wanted, train for so long (30)
// while strangers besiege them in every way of ways.hpp: first in each by itself, then in several
// at a time, until the peers have settled and ended. Each peer must train on during each way and
// end as if nobody had been there. Then more peers, besieged while they end. Prints what was sent
// and the steps that the peers took meanwhile.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>

#include "core/model_spec.hpp"
#include "core/safetensors.hpp"
#include "core/spread.hpp"
#include "tests/apps/siege/peer_process.hpp"
#include "tests/apps/siege/ways.hpp"

namespace murmur::testing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr const char* kModel = "mlp:64-32-10";
constexpr std::size_t kPeers = 4;
constexpr std::size_t kAtATime = 6;
/// Of one way, if the peers do not show that they train.
constexpr auto kPatience = 30s;
/// What a peer may say at most: its own lines are one a second and some ten, and of its neighbours
/// and of itself 60 at once and 12 a minute (apps/narrator.hpp).
constexpr std::size_t kLinesAtOnce = 150;
constexpr std::size_t kLinesASecond = 2;
/// A peer drops all connections when it has grown by 128 MiB (net/CMakeLists.txt), which it looks
/// for ten times a second; meanwhile more comes.
constexpr std::size_t kMemoryMaxMib = 512;
constexpr double kSpreadMax = 0.02;
/// How often peers that train for a moment are besieged until they have ended.
constexpr std::size_t kEnds = 8;
constexpr auto kMoment = 400ms;

int failures = 0;

void check(bool good, const std::string& what) {
  if (good) return;
  fmt::print("FAILED: {}\n", what);
  ++failures;
}

using Peers = std::vector<std::unique_ptr<PeerProcess>>;

/// One besieger: goes from peer to peer and does the same to each, until it is told to stop.
class Besieger {
 public:
  Besieger(const Way& way, const std::vector<Target>& targets, std::uint64_t seed)
      : way_(way), thread_([this, &targets, seed] {
          Camp camp(seed);
          for (std::size_t i = 0; !stop_; ++i) {
            sent_ += way_.once(camp, targets[i % targets.size()]);
          }
        }) {}
  ~Besieger() { stop(); }
  Besieger(const Besieger&) = delete;
  Besieger& operator=(const Besieger&) = delete;
  std::uint64_t stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return sent_;
  }
  [[nodiscard]] const Way& way() const { return way_; }

 private:
  const Way& way_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> sent_ = 0;
  std::thread thread_;  // last: it uses the others
};

/// What each peer wrote in its last status.
struct Mark {
  double seconds = 0;  ///< of its own clock
  std::uint64_t step = 0;
};
std::vector<Mark> marks(const Peers& peers) {
  std::vector<Mark> all;
  for (const auto& peer : peers) all.push_back({peer->progress().seconds, peer->progress().step});
  return all;
}
/// Waits until each peer that still trains has written another status.
std::vector<Mark> next_marks(const Peers& peers, Clock::time_point give_up) {
  const std::vector<Mark> before = marks(peers);
  for (;;) {
    std::vector<Mark> now = marks(peers);
    bool all = true;
    for (std::size_t i = 0; i < peers.size(); ++i) {
      all = all && (now[i].seconds > before[i].seconds || !peers[i]->trains());
    }
    if (all || Clock::now() > give_up) return now;
    std::this_thread::sleep_for(5ms);
  }
}

bool all_train(const Peers& peers) {
  return std::all_of(peers.begin(), peers.end(), [](const auto& peer) { return peer->trains(); });
}
bool all_ended(const Peers& peers) {
  std::size_t ended = 0;
  for (const auto& peer : peers) ended += peer->ended() ? 1 : 0;
  return ended == peers.size();
}

/// With a swarm's key that strangers have not.
struct Keyed {
  TempDir dir;
  std::string file = (dir / "key").string();
};
std::optional<Keyed> keyed;

const std::vector<Way>& all_ways() { return keyed ? ways_without_the_key() : ways(); }

core::Rng groups(1, 0, "groups");
std::vector<const Way*> next_group() {
  std::vector<const Way*> group;
  while (group.size() < kAtATime) {
    const Way* way = &all_ways()[groups.below(all_ways().size())];
    if (std::find(group.begin(), group.end(), way) == group.end()) group.push_back(way);
  }
  return group;
}

std::vector<std::unique_ptr<Besieger>> send_besiegers(const std::vector<const Way*>& group,
                                                      const std::vector<Target>& targets) {
  static std::uint64_t seed = 0;
  std::vector<std::unique_ptr<Besieger>> besiegers;
  for (const Way* way : group) {
    besiegers.push_back(std::make_unique<Besieger>(*way, targets, ++seed));
  }
  return besiegers;
}

/// Besieges in `group` for at least `time`, and says what came of it.
void besiege(const Peers& peers, const std::vector<Target>& targets,
             const std::vector<const Way*>& group, Clock::duration time) {
  const auto began = Clock::now();
  const auto besiegers = send_besiegers(group, targets);
  // From the first status of each that was written under siege to the last.
  const std::vector<Mark> first = next_marks(peers, began + kPatience);
  if (const auto left = began + time - Clock::now(); left > 0s) std::this_thread::sleep_for(left);
  const std::vector<Mark> last = next_marks(peers, began + kPatience);
  const bool trained = all_train(peers);
  std::string gained;
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const std::uint64_t steps = last[i].step - first[i].step;
    gained += fmt::format(" {:>8}", steps);
    if (trained) check(steps > 0, fmt::format("peer {} took no step during this", i));
  }
  for (const auto& besieger : besiegers) {
    const std::uint64_t sent = besieger->stop();
    fmt::print("{:<46} {:>9} {:<12}{}\n", besieger->way().name, sent, besieger->way().unit,
               besieger == besiegers.front() ? gained : "");
    if (trained) check(sent > 0, fmt::format("nothing was sent: {}", besieger->way().name));
  }
  std::fflush(stdout);
}

Peers start_peers(std::chrono::milliseconds duration) {
  Peers peers;
  for (std::size_t i = 0; i < kPeers; ++i) {
    std::vector<std::string> flags = {"--part",     fmt::format("{}/{}", i, kPeers),
                                      "--model",    kModel,
                                      "--duration", fmt::format("{}ms", duration.count())};
    if (keyed) flags.insert(flags.end(), {"--key", keyed->file});
    if (i > 0) {
      wait_until([&] { return !peers[0]->progress().address.empty() || peers[0]->ended(); });
      flags.insert(flags.end(), {"--join", peers[0]->progress().address});
    }
    peers.push_back(std::make_unique<PeerProcess>(flags));
  }
  wait_until([&] {
    return std::all_of(peers.begin(), peers.end(), [](const auto& peer) {
      return peer->ended() || (peer->trains() && peer->progress().exchanges > 0);
    });
  });
  return peers;
}

void check_end(const Peers& peers, const core::Schema& schema, double seconds) {
  std::vector<std::vector<float>> replicas;
  fmt::print("\n{:<6} {:>6} {:>9} {:>10} {:>9} {:>7} {:>11}\n", "peer", "status", "steps",
             "exchanges", "accuracy", "lines", "largest MiB");
  const auto lines_max = kLinesAtOnce + static_cast<std::size_t>(seconds * kLinesASecond);
  for (std::size_t i = 0; i < peers.size(); ++i) {
    PeerProcess& peer = *peers[i];
    const apps::PeerProgress& progress = peer.progress();
    fmt::print("{:<6} {:>6} {:>9} {:>10} {:>9.4f} {:>7} {:>11}\n", i, peer.status(), progress.step,
               progress.exchanges, progress.test_accuracy, peer.lines(), peer.memory_max_mib());
    check(peer.status() == 0,
          fmt::format("peer {} ended with {}:\n{}", i, peer.status(), peer.said()));
    check(peer.lines() <= lines_max,
          fmt::format("more than {} lines:\n{}", lines_max, peer.said()));
    check(peer.memory_max_mib() <= kMemoryMaxMib, fmt::format("peer {} grew too large", i));
    if (auto read = core::read_safetensors(peer.out() / "model.safetensors", schema)) {
      replicas.push_back(*std::move(read));
    }
  }
  check(replicas.size() == peers.size(), "a model is missing");
  const double spread = core::spread(replicas);
  fmt::print("spread {:.1e}\n", spread);
  check(spread <= kSpreadMax, "the peers do not agree");
}

std::vector<Target> targets_of(const Peers& peers, const core::Schema& schema) {
  std::vector<Target> targets;
  for (const auto& peer : peers) {
    targets.push_back({peer->progress().address, schema.model(), schema.hash()});
  }
  return targets;
}

/// Peers that train for a moment only: each must end as it would have.
void besiege_an_end(const core::Schema& schema) {
  const Peers peers = start_peers(kMoment);
  const std::vector<Target> targets = targets_of(peers, schema);
  const auto besiegers = send_besiegers(next_group(), targets);
  wait_until([&] { return all_ended(peers); });
  std::string among;
  for (const auto& besieger : besiegers) among += fmt::format("\n  {}", besieger->way().name);
  for (const auto& peer : peers) {
    check(peer->status() == 0,
          fmt::format("ended with {} among:{}\n{}", peer->status(), among, peer->said()));
  }
}

int run(std::chrono::seconds time) {
  const auto began = Clock::now();
  const core::Schema schema = core::make_schema(core::parse_model(kModel).value());
  const Peers peers = start_peers(time);
  const std::vector<Target> targets = targets_of(peers, schema);
  check(all_train(peers), "not all peers train");
  fmt::print("{:<46} {:>9} {:<12} {:>8} {:>8} {:>8} {:>8}\n", "way", "sent", "", "steps 0", "1",
             "2", "3");
  const auto turn = std::chrono::milliseconds(time) / 2 / all_ways().size();
  for (const Way& way : all_ways()) {
    if (all_train(peers)) besiege(peers, targets, {&way}, turn);
  }
  check(all_train(peers), "the peers ended training before every way had its turn");
  while (!all_ended(peers) && failures == 0) {
    fmt::print("at once:\n");
    besiege(peers, targets, next_group(), turn);
  }
  wait_until([&] { return all_ended(peers); });
  check_end(peers, schema, std::chrono::duration<double>(Clock::now() - began).count());
  for (std::size_t i = 0; i < kEnds && failures == 0; ++i) besiege_an_end(schema);
  fmt::print("{} peers more, besieged while they ended\n", kEnds * kPeers);
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace murmur::testing

int main(int argc, char** argv) {
  std::size_t seconds = 30;
  if (argc > 1) {
    const char* const end = argv[1] + std::strlen(argv[1]);
    if (std::from_chars(argv[1], end, seconds).ptr != end || seconds == 0) {
      fmt::print("usage: siege [SECONDS [key]]\n");
      return 2;
    }
  }
  if (argc > 2) {
    murmur::testing::keyed.emplace();
    if (murmur::testing::run_program({"keygen", murmur::testing::keyed->file}).status != 0)
      return 1;
  }
  return murmur::testing::run(std::chrono::seconds(seconds));
}
