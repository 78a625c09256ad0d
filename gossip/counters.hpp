// What a peer counts, for its summary and its tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace murmur::gossip {

/// Why a message was dropped, in the order in which the tests are made.
enum class Reject : std::uint8_t {
  kFrames,     ///< no header, or a payload where the type has none
  kSize,       ///< past a cap, or other lengths than the header says
  kMagic,      ///< not murmur
  kVersion,    ///< another wire version
  kType,       ///< unknown message type
  kSwarm,      ///< another run
  kSchema,     ///< another model
  kForged,     ///< in the name of another than its key says
  kLineage,    ///< an exchange with parameters of another draw
  kAddressee,  ///< for another peer or boot, or from oneself
  kStaleBoot,  ///< from a boot older than the newest heard
  kChecksum,   ///< CRC-32C differs
  kField,      ///< an enumeration or number out of range
  kUnproven,   ///< before, or without, the sender's proof of membership
  kUnresumed,  ///< before the sender's Resume for this pair of boots
  kUnknown,    ///< an answer to nothing asked, or past links_max
  kShape,      ///< a shard or length that the schema does not have
  kUnasked,    ///< a transfer that answers no offer made to its maker, or one that was answered
  kOutOfTurn,  ///< a transfer or Void that is not the next of its maker
  kClaim,      ///< a Resume that says what cannot have been
  kFlood,      ///< past what its sender is allowed
};
inline constexpr std::size_t kRejectCount = 21;
std::string_view to_string(Reject reason);

struct Counters {
  std::uint64_t offers_made = 0;
  std::uint64_t offers_timed_out = 0;
  std::uint64_t offers_withdrawn = 0;  ///< crossed, or the neighbour went
  std::uint64_t declines_sent = 0;
  std::uint64_t declines_received = 0;
  std::uint64_t transfers_made = 0;  ///< applied here and put in the outbox
  std::uint64_t transfers_applied = 0;
  std::uint64_t transfers_resent = 0;
  std::uint64_t transfers_duplicate = 0;
  std::uint64_t transfers_early = 0;    ///< came before their turn, or past the window: come again
  std::uint64_t transfers_refused = 0;  ///< came but could not be applied
  std::uint64_t transfers_voided = 0;   ///< arrived as Void
  std::uint64_t receipts_taken = 0;     ///< an exchange is complete when its receipt is taken
  std::uint64_t receipts_refused = 0;   ///< of these, the other did not apply it
  std::uint64_t unreceipted = 0;        ///< of those made, what nobody had receipted at its goodbye
  std::uint64_t lost_here = 0;          ///< given by a neighbour, not in this replica
  std::uint64_t lost_there = 0;         ///< in this replica, not in the neighbour that gave it
  std::uint64_t lineages_refused = 0;   ///< times that another's parameters were clearly worse
  std::uint64_t undeliverable = 0;      ///< the transport could not hand on
  std::uint64_t messages_sent = 0;
  std::uint64_t messages_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::array<std::uint64_t, kRejectCount> rejected{};
};

}  // namespace murmur::gossip
