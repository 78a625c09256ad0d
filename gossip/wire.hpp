// The wire: a message is a head (a fixed header and a small body, little-endian) and at most one
// payload. docs/protocol.md has the grammar; this file and wire.cpp are its implementation.
// Decoding trusts nothing: lengths come from what arrived and from the schema, never the reverse,
// and a message is read in the order peek, checksum_ok, parse, each cheap to refuse.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "core/bytes.hpp"
#include "core/codec.hpp"
#include "core/ids.hpp"
#include "gossip/config.hpp"
#include "gossip/counters.hpp"
#include "gossip/edge.hpp"
#include "gossip/effects.hpp"

namespace murmur::gossip::wire {

inline constexpr std::uint32_t kMagic = 0x524d524d;  // "MRMR"
inline constexpr std::uint16_t kVersion = 1;
inline constexpr std::size_t kHeaderSize = 76;
inline constexpr std::size_t kHeadMax = std::size_t{64} << 10;
inline constexpr std::size_t kAddressMax = 255;
inline constexpr std::size_t kMembersMax = 32;
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
  core::PeerId src;
  core::PeerId dst;  ///< zero in a Hello to an address whose peer is not yet known
  core::Boot src_boot = 0;
  core::Boot dst_boot = 0;  ///< zero in Hello and Refuse
  std::uint64_t step = 0;   ///< the sender's model age
  std::uint32_t body_size = 0;
  std::uint32_t payload_size = 0;
  std::uint32_t crc = 0;  ///< CRC-32C of head (this field zero) and payload
};

struct Member {
  core::PeerId id;
  Address address;
};

struct Hello {
  bool wants_reply = false;
  std::uint32_t nonce = 0;  ///< the answer echoes it
  std::uint32_t echo = 0;
  Address address;  ///< where the sender is reached
  std::string model;
  std::vector<Member> members;  ///< others the sender knows
};
struct Refuse {
  std::uint32_t echo = 0;  ///< of the Hello's nonce
  std::string reason;
};
struct Resume {
  bool has_yours = false;     ///< the sender has taken the receiver's Resume for this pair of boots
  bool wants_answer = false;  ///< the sender does not know that the receiver has taken its own
  ResumeFacts facts;
};
struct Offer {
  core::OfferId id;
  core::ShardId shard = 0;
  core::Codec codec{};
  std::uint32_t expected_staleness = 0;  ///< steps
};
struct Transfer {
  core::TransferId id;
  core::OfferId offer;
  core::ShardId shard = 0;
  core::Codec codec{};
  float weight = 0;
  std::uint64_t step = 0;  ///< the maker's, when it applied its side
};
struct Void {
  core::TransferId id;
};
struct Receipt {
  core::TransferId id;
  bool refused = false;
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
  std::uint64_t offset = 0;
};
struct StateChunk {
  std::uint32_t snapshot = 0;
  std::uint64_t offset = 0;
  std::uint64_t total = 0;  ///< bytes of the whole; 0: there is no such snapshot (any more)
  std::uint64_t step = 0;   ///< the donor's model age at the snapshot
  std::uint32_t crc = 0;    ///< CRC-32C of the whole
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
