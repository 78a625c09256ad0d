// The wire: a message is a head (a fixed header and a small body, little-endian) and at most one
// payload. docs/protocol.md has the grammar; this file and wire.cpp are its implementation.
// Decoding trusts nothing: lengths come from what arrived and from the schema, never the reverse,
// and a message is read in the order peek, checksum_ok, parse, each cheap to refuse.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "core/bytes.hpp"
#include "core/codec.hpp"
#include "core/ids.hpp"
#include "core/planes.hpp"
#include "gossip/config.hpp"
#include "gossip/counters.hpp"
#include "gossip/edge.hpp"
#include "gossip/effects.hpp"
#include "gossip/lineages.hpp"

namespace murmur::gossip::wire {

inline constexpr std::uint32_t kMagic = 0x524d524d;  // "MRMR"
inline constexpr std::uint16_t kVersion = 2;
/// From this version on Hello, Refuse and their header keep their layout, so that any two versions
/// can tell each other that they cannot speak.
inline constexpr std::uint16_t kVersionFrozen = 2;
inline constexpr std::size_t kHeaderSize = 92;
inline constexpr std::size_t kHeadMax = std::size_t{96} << 10;
inline constexpr std::size_t kAddressMax = 255;
inline constexpr std::size_t kMembersMax = 32;
inline constexpr std::size_t kShardRangesMax = 64;
inline constexpr std::size_t kProofSize = 32;
/// A model's age that a message may claim: a million steps a second for nine years. Ages are added
/// and subtracted without a second thought.
inline constexpr std::uint64_t kStepMax = std::uint64_t{1} << 48;

enum class Type : std::uint8_t {
  kHello = 1,
  kRefuse,
  kResume,
  kOffer,
  kTransfer,
  kVoid,
  kReceipt,
  kDecline,
  kPing,
  kPong,
  kStateRequest,
  kStateChunk,
  kBye,
};
inline constexpr std::uint8_t kTypeMax = 13;

struct Header {
  std::uint16_t version = kVersion;
  Type type{};
  Phase phase{};  ///< of the sender
  std::uint64_t schema = 0;
  core::Swarm swarm = 0;
  core::Lineage lineage = 0;  ///< of the sender's parameters; zero while it has none
  core::PeerId src;
  core::PeerId dst;  ///< zero in a Hello to an address whose peer is not yet known
  core::Boot src_boot = 0;
  core::Boot dst_boot = 0;  ///< zero in Hello
  std::uint64_t step = 0;   ///< the sender's model age
  std::uint32_t body_size = 0;
  std::uint32_t payload_size = 0;
  std::uint32_t crc = 0;  ///< CRC-32C of head (this field zero) and payload
};

struct Member {
  core::PeerId id;
  Address address;
};

struct ShardRange {
  core::ShardId first = 0;
  std::uint32_t count = 0;
};

using Proof = std::array<std::byte, kProofSize>;

struct Hello {
  bool wants_reply = false;
  std::uint64_t nonce = 0;         ///< random; the answer echoes it
  std::uint64_t echo = 0;          ///< the nonce that this answers; zero: none
  std::uint64_t process = 0;       ///< random, of the sender's process: two of one identity differ
  std::uint64_t lineage_step = 0;  ///< the highest step that the sender heard of in its lineage
  Rule rule = Rule::kAverage;
  std::uint32_t codecs = 0;        ///< that the sender decodes: bit i is core::Codec{i}
  core::StateKind state;           ///< what it holds and can take over
  std::vector<ShardRange> shards;  ///< that it holds, ascending; empty: all
  Proof proof{};                   ///< of membership, where the swarm has a key; else zero
  Address address;                 ///< where the sender is reached
  std::string model;
  std::vector<Verdict> verdicts;  ///< that the sender knows
  std::vector<Member> members;    ///< others that it knows
};
struct Refuse {
  std::uint64_t echo = 0;      ///< of the Hello's nonce
  core::Boot newest_boot = 0;  ///< of the receiver that the sender knows, if that is the reason
  std::string reason;
};
struct Resume {
  bool has_yours = false;     ///< the sender has taken the receiver's Resume for this pair of boots
  bool wants_answer = false;  ///< the sender does not know that the receiver has taken its own
  ResumeFacts facts;
};
/// One plane of a shard in a payload, which holds them one after the other.
struct PlaneData {
  core::Plane plane{};
  core::Codec codec{};
  std::uint32_t size = 0;  ///< bytes
};
/// Ascending by plane, at least one; the sizes add up to the payload's.
using Planes = std::vector<PlaneData>;
/// A payload of the parameters alone.
inline Planes parameters(core::Codec codec, const core::Payload& payload) {
  return {
      {core::Plane::kParameters, codec, static_cast<std::uint32_t>(core::view(payload).size())}};
}
struct Offer {
  core::OfferId id;
  core::ShardId shard = 0;
  std::uint32_t expected_staleness = 0;  ///< steps
  Planes planes;
};
struct Transfer {
  core::TransferId id;
  core::OfferId offer;  ///< that it answers; zero: none, which only a one-way rule may send
  core::ShardId shard = 0;
  float weight = 0;
  double mass = 0;           ///< that goes with it, of rules that weigh replicas; else zero
  std::uint64_t step = 0;    ///< the maker's, when it applied its side
  core::TransferId settled;  ///< the maker will not ask what became of those below; at most `id`
  Planes planes;
};
struct Void {
  core::TransferId id;
};
struct Receipt {
  core::TransferId up_to;        ///< all of the receiver's up to here are decided
  std::vector<Decided> decided;  ///< ascending, the newest last; at most kWindowMax
};
enum class DeclineReason : std::uint8_t { kBusy = 0, kCrossed, kStale, kShape, kNotFinite };
inline constexpr std::uint8_t kDeclineReasonMax = 4;
struct Decline {
  core::OfferId offer;
  DeclineReason reason{};
  std::uint32_t retry_ms = 0;  ///< do not offer to the sender again before
};
struct Ping {
  std::vector<Member> members;
};
struct Pong {
  std::vector<Member> members;
};
struct StateRequest {
  std::uint32_t snapshot = 0;  ///< 0: a fresh one
  core::Plane plane{};
  std::uint64_t offset = 0;  ///< bytes into the plane, which is of 4 B a parameter
};
struct StateChunk {
  std::uint32_t snapshot = 0;
  core::Plane plane{};
  std::uint64_t offset = 0;
  std::uint64_t step = 0;  ///< the donor's model age at the snapshot
  std::uint64_t optimizer_steps = 0;
  core::StateKind state;  ///< of the snapshot; without planes: there is none (any more)
};
struct Bye {};

/// In the order of Type.
using Body = std::variant<Hello, Refuse, Resume, Offer, Transfer, Void, Receipt, Decline, Ping,
                          Pong, StateRequest, StateChunk, Bye>;

/// The head for `payload`. Fills header.type, the sizes and the checksum. The body's lists and
/// strings must be within the limits above.
core::Bytes encode(Header header, const Body& body, core::ByteView payload);

/// Frame count, sizes, magic and type; the version too, but for Hello and Refuse, whose layout no
/// version changes. `payload_max` caps the payload.
tl::expected<Header, Reject> peek(core::ByteView head, core::ByteView payload,
                                  std::size_t payload_max);
bool checksum_ok(core::ByteView head, core::ByteView payload);
/// After peek: the body, with every enumeration, length and number in range.
tl::expected<Body, Reject> parse(const Header& header, core::ByteView head);

}  // namespace murmur::gossip::wire
