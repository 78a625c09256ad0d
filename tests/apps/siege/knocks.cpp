// knocks [HANDSHAKES [IDLE]]: two real peers with a swarm's key exchange while strangers make so
// many bad handshakes (10,000), from many addresses and then from one, hold so many connections
// open at once (2,000), and send a message without end. Neither peer may notice more than its
// counters, its memory must stay within its formula, and exchanges must go on throughout.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/key_files.hpp"
#include "core/model_spec.hpp"
#include "core/rng.hpp"
#include "gossip/wire.hpp"
#include "tests/apps/siege/peer_process.hpp"
#include "tests/net/raw_curve.hpp"

namespace murmur::testing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using test::RawCurve;
using test::RawSocket;

constexpr const char* kModel = "mlp:64-32-10";
/// What a peer of this model takes, what it may grow by (net/node.cpp), and what may come through
/// between two looks at it, ten times a second.
constexpr std::size_t kMemoryMaxMib = 40 + 128 + 96;
constexpr int kPatienceMs = 500;
/// One in so many shakes hands to the end, which takes some ten times as long.
constexpr std::uint64_t kWholeEvery = 50;
/// That one address makes; less is not slowed.
constexpr std::uint64_t kOfOneAddress = 8;
constexpr std::size_t kHeldMax = 300;

int failures = 0;
void check(bool good, const std::string& what) {
  if (good) return;
  fmt::print("FAILED: {}\n", what);
  ++failures;
}

/// Who does not know the swarm's key; but, where that is said, the public half of what its members
/// listen with.
class Stranger {
 public:
  Stranger(std::string address, const core::SwarmKey& key)
      : address_(std::move(address)),
        listening_(core::listening_keys(key).shown),
        swarm_(core::swarm_id(key)) {}

  [[nodiscard]] RawSocket call(const std::string& from) const {
    RawSocket socket;
    socket.be_patient_for(kPatienceMs);
    socket.call_from(from);
    socket.connect(address_);
    return socket;
  }
  [[nodiscard]] RawCurve call_with(core::PublicKey listening, const std::string& from) {
    core::SecretKey secret;
    for (std::uint8_t& byte : secret.bytes) byte = static_cast<std::uint8_t>(rng_.next());
    self_ = core::key_pair(secret);
    return {call(from), listening, self_};
  }

  /// The `i`th bad handshake.
  void knock(std::uint64_t i, const std::string& from) {
    if (i % kWholeEvery == 0) {  // the right listening key, but no proof of membership
      RawCurve caller = call_with(listening_, from);
      if (caller.shake_hands()) {
        caller.send(hello(), false);
        ++whole_;
      }
      return hold(std::move(caller.socket()));
    }
    switch (i % 5) {
      case 0: {  // greeting at random
        RawSocket socket = call(from);
        socket.send(random_bytes(64));
        return;
      }
      case 1: {  // no CURVE
        RawSocket socket = call(from);
        socket.send(test::greeting());
        socket.send(test::ready("DEALER"));
        return;
      }
      case 2: {  // of another swarm
        RawCurve caller = call_with(self_.shown, from);
        caller.say_hello();
        return;
      }
      case 3: {  // half a handshake, and no more
        RawCurve caller = call_with(listening_, from);
        caller.say_hello();
        return hold(std::move(caller.socket()));
      }
      default: {  // half a greeting, and no more
        RawSocket socket = call(from);
        socket.send(core::ByteView(test::curve_greeting()).first(40));
        return hold(std::move(socket));
      }
    }
  }

  /// Sends a message of so many frames and no last one; how many left.
  std::uint64_t never_end(std::uint64_t frames) {
    RawCurve caller = call_with(listening_, "127.0.0.9");
    caller.socket().be_patient_for(5000);
    const core::Bytes data(1 << 16);
    std::uint64_t sent = 0;
    if (!caller.shake_hands()) return 0;
    while (sent < frames && caller.socket().ok()) {
      caller.send(data, true);
      sent += caller.socket().ok() ? 1 : 0;
    }
    return sent;
  }
  [[nodiscard]] std::uint64_t whole() const { return whole_; }

 private:
  core::Bytes random_bytes(std::size_t size) {
    core::Bytes bytes(size);
    for (std::byte& b : bytes) b = static_cast<std::byte>(rng_.next());
    return bytes;
  }
  [[nodiscard]] core::Bytes hello() const {
    gossip::wire::Header header;
    header.schema = core::make_schema(core::parse_model(kModel).value()).hash();
    header.swarm = swarm_;
    header.src = core::peer_id(self_.shown);
    header.src_boot = 1;
    gossip::wire::Hello body;
    body.address = "127.0.0.9:9";
    body.model = kModel;
    return gossip::wire::encode(header, body, {});
  }
  void hold(RawSocket socket) {
    held_.push_back(std::move(socket));
    if (held_.size() > kHeldMax) held_.pop_front();
  }

  std::string address_;
  core::PublicKey listening_;
  core::Swarm swarm_;
  core::Rng rng_{1, 0, "stranger"};
  core::KeyPair self_;
  std::deque<RawSocket> held_;
  std::uint64_t whole_ = 0;
};

/// Two that have a key, and train until they are asked to stop.
struct Pair {
  explicit Pair(const std::string& key) {
    for (const char* part : {"0/2", "1/2"}) {
      std::vector<std::string> flags = {"--part", part, "--model", kModel, "--key", key};
      if (!peers.empty()) {
        wait_until([&] { return !peers[0]->progress().address.empty() || peers[0]->ended(); });
        flags.insert(flags.end(), {"--join", peers[0]->progress().address});
      }
      peers.push_back(std::make_unique<PeerProcess>(flags));
    }
    wait_until([&] { return has_exchanged({0, 0}); });
  }
  [[nodiscard]] std::array<std::uint64_t, 2> exchanges() {
    return {peers[0]->progress().exchanges, peers[1]->progress().exchanges};
  }
  /// Each once more than in `before`, or one has ended.
  bool has_exchanged(const std::array<std::uint64_t, 2>& before) {
    const auto now = exchanges();
    return peers[0]->ended() || peers[1]->ended() || (now[0] > before[0] && now[1] > before[1]);
  }
  std::vector<std::unique_ptr<PeerProcess>> peers;
};

/// Does so, and says what exchanges the pair made meanwhile and what it took.
void besiege(Pair& pair, const char* what, std::uint64_t count, const std::function<void()>& act) {
  const auto before = pair.exchanges();
  const auto began = Clock::now();
  act();
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  const auto at_end = pair.exchanges();
  wait_until([&] { return pair.has_exchanged(at_end); });
  fmt::print("{:<36} {:>8}  in {:>5.1f} s, meanwhile exchanges: {}, {}\n", what, count, seconds,
             at_end[0] - before[0], at_end[1] - before[1]);
  std::fflush(stdout);
  for (const auto& peer : pair.peers) check(!peer->ended(), "a peer ended: " + peer->said());
}

nlohmann::json summary_of(const PeerProcess& peer) {
  return nlohmann::json::parse(read_text(peer.out() / "summary.json"));
}

void check_end(Pair& pair, std::uint64_t handshakes, std::uint64_t whole, std::uint64_t idle) {
  for (const auto& peer : pair.peers) peer->ask_to_stop();
  for (const auto& peer : pair.peers) wait_until([&] { return peer->ended(); });
  for (const auto& peer : pair.peers) {
    fmt::print("status {}, largest {} MiB, {} lines\n", peer->status(), peer->memory_max_mib(),
               peer->lines());
    check(peer->status() == 0, "a peer ended otherwise:\n" + peer->said());
    check(peer->memory_max_mib() <= kMemoryMaxMib, "a peer grew too large");
    check(peer->lines() < 200, "a peer said too much:\n" + peer->said());
  }
  const auto besieged = summary_of(*pair.peers[0]);
  const auto other = summary_of(*pair.peers[1]);
  fmt::print("door {}\nrejected {}\n", besieged["door"].dump(), besieged["rejected"].dump());
  const auto count = [](const nlohmann::json& summary, const char* group, const char* name) {
    return summary[group][name].get<std::uint64_t>();
  };
  // Nearly all: one that a full backlog kept out was not noticed.
  const std::uint64_t noticed =
      count(besieged, "door", "handshakes_failed") + count(besieged, "door", "shown_out");
  check(noticed >= handshakes * 3 / 4, "bad handshakes are not counted");
  check(count(besieged, "door", "hosts_slowed") > 0, "no host was slowed");
  check(count(besieged, "door", "shown_out") >= idle / 4, "idle connections are not shown out");
  check(count(besieged, "rejected", "unproven") >= whole / 2, "no Hello was dropped as unproven");
  for (const auto& [reason, times] : besieged["rejected"].items()) {
    // What is on the way when all connections are dropped comes again, or late.
    if (reason != "unproven") check(times.get<std::uint64_t>() < 20, "something was " + reason);
  }
  // The books of two who met nobody else.
  for (const auto& [maker, taker] : {std::pair(besieged, other), std::pair(other, besieged)}) {
    check(count(maker, "counters", "transfers_made") ==
              count(taker, "counters", "transfers_applied") +
                  count(taker, "counters", "transfers_voided"),
          "the books do not balance");
    check(count(maker, "counters", "unreceipted") + count(maker, "counters", "lost_here") +
                  count(maker, "counters", "lost_there") +
                  count(maker, "counters", "transfers_refused") ==
              0,
          "something was lost");
  }
}

int run(std::uint64_t handshakes, std::uint64_t idle) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const TempDir dir;
  const std::string file = (dir / "key").string();
  if (run_program({"keygen", file}).status != 0) return 1;
  Pair pair(file);
  Stranger stranger(pair.peers[0]->progress().address, core::read_swarm_key(file).value());

  besiege(pair, "bad handshakes, of many addresses", handshakes, [&] {
    for (std::uint64_t i = 0; i < handshakes; ++i) {
      const std::uint64_t host = i / kOfOneAddress;
      stranger.knock(i, fmt::format("127.{}.{}.{}", 1 + host / 62'500 % 250, host / 250 % 250,
                                    1 + host % 250));
    }
  });
  besiege(pair, "bad handshakes, of one address", handshakes, [&] {
    std::uint64_t refused = 0;  // each waits for all its patience
    for (std::uint64_t i = 0; i < handshakes && refused < 10; ++i) {
      RawSocket socket = stranger.call("127.0.0.8");
      socket.send(test::greeting());
      refused += socket.ok() ? 0 : 1;
    }
    check(refused > 0, "one address came through without end");
  });
  besiege(pair, "idle connections at once", idle, [&] {
    std::vector<RawSocket> all;
    for (std::uint64_t i = 0; i < idle; ++i) {
      all.push_back(stranger.call(fmt::format("127.0.{}.1", 1 + i / kOfOneAddress % 250)));
      if (i % 2 == 0) all.back().send(test::curve_greeting());
    }
    const auto before = pair.exchanges();
    wait_until([&] { return pair.has_exchanged(before); });
  });
  constexpr std::uint64_t kFrames = 8192;  // of 64 KiB
  besiege(pair, "frames of a message without end", kFrames, [&] {
    const std::uint64_t sent = stranger.never_end(kFrames);
    check(sent > 0, "no frame left");
    check(sent < kFrames, "a message without end was taken");
  });
  check_end(pair, handshakes, stranger.whole(), idle);
  return failures == 0 ? 0 : 1;
}

bool read_number(const char* text, std::uint64_t& number) {
  const char* const end = text + std::strlen(text);
  return std::from_chars(text, end, number).ptr == end && number > 0;
}

}  // namespace
}  // namespace murmur::testing

int main(int argc, char** argv) {
  std::uint64_t handshakes = 10'000;
  std::uint64_t idle = 2'000;
  if ((argc > 1 && !murmur::testing::read_number(argv[1], handshakes)) ||
      (argc > 2 && !murmur::testing::read_number(argv[2], idle))) {
    fmt::print("usage: knocks [HANDSHAKES [IDLE]]\n");
    return 2;
  }
  return murmur::testing::run(handshakes, idle);
}
