// Random and mutated messages against a live peer. The mutants are made of messages that it really
// got, so that most of what is wrong with one is deep inside it.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <numeric>
#include <optional>
#include <zmq.hpp>

#include "core/rng.hpp"
#include "gossip/wire.hpp"
#include "tests/catch.hpp"
#include "tests/net/tap.hpp"
#include "tests/net/test_peer.hpp"
#include "tests/sanitized.hpp"

using namespace murmur;
using gossip::Reject;
using gossip::wire::Type;
using test::Message;
using test::TestPeer;

namespace {

constexpr int kMessages = 100'000;
constexpr std::uint64_t kSeed = 7;
constexpr core::Boot kBoot = 3;  // of the neighbour whose messages are mutated

// Where the fields of a header are (docs/protocol.md).
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kTypeAt = 6;
constexpr std::size_t kPhaseAt = 7;
constexpr std::size_t kSchemaAt = 8;
constexpr std::size_t kSwarmAt = 16;
constexpr std::size_t kLineageAt = 24;
constexpr std::size_t kSrcAt = 32;
constexpr std::size_t kSrcBootAt = 64;
constexpr std::size_t kDstBootAt = 68;
constexpr std::size_t kBodySizeAt = 80;
constexpr std::size_t kPayloadSizeAt = 84;
constexpr std::size_t kCrcAt = 88;
constexpr std::size_t kOfferShardAt = gossip::wire::kHeaderSize + 12;
constexpr std::size_t kOfferCodecAt = gossip::wire::kHeaderSize + 22;

template <class T>
void put(core::Bytes& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}
Type type_of(const Message& message) {
  return Type{std::to_integer<std::uint8_t>(message[0][kTypeAt])};
}
/// Their header is open to peers of every version and model.
bool is_frozen(const Message& message) {
  return type_of(message) == Type::kHello || type_of(message) == Type::kRefuse;
}

/// Makes the checksum right again, so that what is wrong is found further in.
void reseal(Message& message) {
  put(message[0], kCrcAt, std::uint32_t{0});
  std::uint32_t crc = core::crc32c(message[0]);
  if (message.size() > 1) crc = core::crc32c(message[1], crc);
  put(message[0], kCrcAt, crc);
}

core::Bytes random_bytes(core::Rng& rng, std::size_t size) {
  core::Bytes bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(rng.next());
  return bytes;
}

/// Changes `message`; the reason for which it is to be rejected, or kAny, or nothing if this
/// mutation has no use for such a message.
constexpr auto kAny = Reject{gossip::kRejectCount};
using Mutation = std::function<std::optional<Reject>(Message& message, core::Rng& rng)>;

std::vector<Mutation> mutations(core::PeerId resuming) {
  return {
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // noise
        m = {random_bytes(rng, 1 + rng.below(400))};
        return m[0].size() < gossip::wire::kHeaderSize ? Reject::kSize : Reject::kMagic;
      },
      [](Message& m, core::Rng&) -> std::optional<Reject> {  // nothing
        m = {core::Bytes()};
        return Reject::kFrames;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // one bit, anywhere
        core::Bytes& frame = m[rng.below(m.size())];
        frame[rng.below(frame.size())] ^= static_cast<std::byte>(1U << rng.below(8));
        return kAny;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // one bit of the body
        if (m[0].size() == gossip::wire::kHeaderSize) return std::nullopt;
        const std::size_t body = m[0].size() - gossip::wire::kHeaderSize;
        m[0][gossip::wire::kHeaderSize + rng.below(body)] ^=
            static_cast<std::byte>(1U << rng.below(8));
        return Reject::kChecksum;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // a shorter head
        m[0].resize(1 + rng.below(m[0].size() - 1));
        return Reject::kSize;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // a shorter payload, or none
        if (m.size() == 1) return std::nullopt;
        m[1].resize(rng.below(m[1].size()));
        return Reject::kSize;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // lengths that are not so
        put(m[0], rng.below(2) == 0 ? kBodySizeAt : kPayloadSizeAt,
            static_cast<std::uint32_t>(rng.next() | 0x80000000U));
        return Reject::kSize;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // frames too many
        const Reject reason = m.size() == 1 ? Reject::kFrames : Reject::kSize;
        for (std::uint64_t i = 1 + rng.below(5); i > 0; --i) m.push_back(random_bytes(rng, 9));
        return reason;
      },
      [](Message& m, core::Rng&) -> std::optional<Reject> {  // another protocol's
        put(m[0], 0, std::uint32_t{0x50545448});
        return Reject::kMagic;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // another version
        if (is_frozen(m)) return std::nullopt;
        put(m[0], kVersionAt,
            static_cast<std::uint16_t>(gossip::wire::kVersion + 1 + rng.below(9)));
        reseal(m);
        return Reject::kVersion;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // a type that there is not
        put(m[0], kTypeAt, static_cast<std::uint8_t>(gossip::wire::kTypeMax + 1 + rng.below(200)));
        reseal(m);
        return Reject::kType;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // another's type
        const auto type = static_cast<std::uint8_t>(1 + rng.below(gossip::wire::kTypeMax));
        if (Type{type} == type_of(m)) return std::nullopt;
        put(m[0], kTypeAt, type);
        return kAny;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // another model
        if (is_frozen(m)) return std::nullopt;
        put(m[0], kSchemaAt, rng.next());
        reseal(m);
        return Reject::kSchema;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // another swarm
        if (is_frozen(m)) return std::nullopt;
        put(m[0], kSwarmAt, rng.next() | 1);
        reseal(m);
        return Reject::kSwarm;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // another draw of parameters
        if (type_of(m) != Type::kOffer && type_of(m) != Type::kTransfer) return std::nullopt;
        put(m[0], kLineageAt, rng.next());
        reseal(m);
        return Reject::kLineage;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // for another boot
        if (is_frozen(m)) return std::nullopt;
        put(m[0], kDstBootAt, static_cast<std::uint32_t>(2 + rng.below(1000)));
        reseal(m);
        return Reject::kAddressee;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // from an older boot
        if (is_frozen(m)) return std::nullopt;
        put(m[0], kSrcBootAt, static_cast<std::uint32_t>(1 + rng.below(kBoot - 1)));
        reseal(m);
        return Reject::kStaleBoot;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // from no boot, or in no phase
        if (rng.below(2) == 0) {
          put(m[0], kSrcBootAt, std::uint32_t{0});
        } else {
          put(m[0], kPhaseAt, static_cast<std::uint8_t>(9 + rng.below(200)));
        }
        reseal(m);
        return Reject::kField;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // in no codec
        if (type_of(m) != Type::kOffer) return std::nullopt;
        put(m[0], kOfferCodecAt, static_cast<std::uint8_t>(core::kCodecCount + rng.below(200)));
        reseal(m);
        return Reject::kField;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // from nobody known
        if (is_frozen(m)) return std::nullopt;
        put(m[0], kSrcAt, core::PeerId{rng.next(), rng.next() | 1});
        reseal(m);
        return Reject::kUnknown;
      },
      [resuming](Message& m, core::Rng&) -> std::optional<Reject> {  // before its Resume
        if (is_frozen(m) || type_of(m) == Type::kResume) return std::nullopt;
        put(m[0], kSrcAt, resuming);
        put(m[0], kSrcBootAt, kBoot);
        reseal(m);
        return Reject::kUnresumed;
      },
      [](Message& m, core::Rng& rng) -> std::optional<Reject> {  // longer than anything may be
        if (m.size() == 1 || rng.below(200) != 0) return std::nullopt;
        for (int i = 0; i < 3; ++i) m.emplace_back(net::kFrameMax);
        return Reject::kSize;
      },
  };
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

class Attacker {
 public:
  explicit Attacker(const gossip::Address& to) : socket_(context_, zmq::socket_type::dealer) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::sndhwm, 100);  // then it waits for the peer to keep up
    socket_.connect("tcp://" + to);
  }
  void send(const Message& frames) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      socket_.send(zmq::buffer(frames[i].data(), frames[i].size()),
                   i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }
  }

 private:
  zmq::context_t context_;
  zmq::socket_t socket_;
};

std::uint64_t total(const std::array<std::uint64_t, gossip::kRejectCount>& rejected) {
  return std::accumulate(rejected.begin(), rejected.end(), std::uint64_t{0});
}

}  // namespace

TEST_CASE(
    "a hundred thousand hostile messages are rejected, each for its reason, and harm nothing") {
  CAPTURE(kSeed);
  core::Rng rng(kSeed);
  test::Tap target_tap;
  test::Tap neighbour_tap;
  net::NodeConfig place;
  place.advertise = target_tap.address();
  TestPeer target(0, 1000, core::kShardParameters, place);
  place.advertise = neighbour_tap.address();
  TestPeer neighbour(1, 1000, core::kShardParameters, place);
  neighbour.identity.boot = kBoot;
  target_tap.start(target.address());
  neighbour_tap.start(neighbour.address());

  gossip::Config config = TestPeer::config();
  config.exchange_every = 2000;
  target.start(config);
  neighbour.start(config, {target_tap.address()});
  REQUIRE(target_tap.wait_for({Type::kHello, Type::kResume, Type::kOffer, Type::kTransfer,
                               Type::kReceipt, Type::kStateRequest, Type::kPing}));
  std::vector<Message> recorded;
  for (const auto& [type, messages] : target_tap.kept()) {
    recorded.insert(recorded.end(), messages.begin(), messages.end());
  }

  // One who says Hello and then does not resume.
  Attacker attacker(target.address());
  const core::PeerId stranger{kSeed, 99};
  gossip::wire::Header hello;
  hello.schema = target.replica.schema().hash();
  hello.src = stranger;
  hello.src_boot = kBoot;  // no older than the ids in what is recorded
  gossip::wire::Hello body;
  body.address = "127.0.0.1:1";
  attacker.send({gossip::wire::encode(hello, body, {})});

  const TestPeer::Seen before = target.now();
  const std::vector<Mutation> all = mutations(stranger);
  std::array<std::uint64_t, gossip::kRejectCount + 1> expected{};
  std::size_t resident_before = 0;
  std::uint64_t step_midway = 0;
  for (int sent = 0; sent < kMessages;) {
    Message message = recorded[rng.below(recorded.size())];
    const auto reason = all[rng.below(all.size())](message, rng);
    if (!reason) continue;
    attacker.send(message);
    ++expected[static_cast<std::size_t>(*reason)];
    if (++sent == kMessages / 10) resident_before = resident_bytes();
    if (sent == kMessages / 2) {
      CHECK(target.wait(
          [&](const TestPeer::Seen& seen) { return seen.status.step > before.status.step; }));
      step_midway = target.now().status.step;
    }
  }
  REQUIRE(target.wait([&](const TestPeer::Seen& seen) {
    return total(seen.counters.rejected) >= total(before.counters.rejected) + kMessages;
  }));
  const TestPeer::Seen after = target.now();
  for (std::size_t i = 0; i < gossip::kRejectCount; ++i) {
    INFO(gossip::to_string(Reject{static_cast<std::uint8_t>(i)}));
    CHECK(after.counters.rejected[i] >= before.counters.rejected[i] + expected[i]);
  }
  CHECK(target.wait([&](const TestPeer::Seen& seen) { return seen.status.step > step_midway; }));
  CHECK(target.wait_for_exchanges(10));
  CHECK(neighbour.wait_for_exchanges(10));
  if (!test::kSanitized) {
    const std::size_t resident_after = resident_bytes();
    CHECK(resident_after < resident_before + (std::size_t{48} << 20));
  }

  // An offer of a shard that the model does not have needs a neighbour that resumed: the real one's
  // name, which it would not thank us for; so it comes last.
  const auto offers = target_tap.kept()[Type::kOffer];
  for (std::uint32_t i = 0; i < 10; ++i) {
    Message message = offers.front();
    put(message[0], gossip::wire::kHeaderSize + 4, std::uint32_t{0x40000000U + i});  // unheard of
    put(message[0], kOfferShardAt, std::uint32_t{1000});
    reseal(message);
    attacker.send(message);
  }
  CHECK(target.wait([&](const TestPeer::Seen& seen) {
    return seen.counters.rejected[static_cast<std::size_t>(Reject::kShape)] >= 10;
  }));
  target.stop();
  neighbour.stop();
  CHECK(target.outcome().result.has_value());
  CHECK(neighbour.outcome().result.has_value());
}
