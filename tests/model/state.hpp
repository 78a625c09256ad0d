// The state of the model: two peers, their checkpoints, and what is on its way between them.
//
// Ids are small numbers and sets of ids are bits, so a state is a few hundred bytes without a
// pointer. What is marked `truth` is what the replicas really hold: the rules never read it, the
// invariants do. Thread rule: values.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace murmur::model {

inline constexpr int kBootsMax = 3;
inline constexpr int kSeqsMax = 4;
inline constexpr int kIds = kBootsMax * kSeqsMax;
inline constexpr int kOffersMax = 4;  // a boot

/// A transfer, (boot, seq) of its maker, as a number that rises as the pair does; -1: none.
using Id = int;
inline Id make_id(int boot, int seq) { return (boot - 1) * kSeqsMax + seq - 1; }
inline int boot_of(Id id) { return id / kSeqsMax + 1; }
inline int seq_of(Id id) { return id % kSeqsMax + 1; }

/// An offer, (boot, number) of its maker, likewise; 0: none.
using Offer = int;
inline Offer make_offer_id(int boot, int number) { return (boot - 1) * kOffersMax + number; }
inline int boot_of_offer(Offer offer) { return (offer - 1) / kOffersMax + 1; }

using Ids = std::uint16_t;
inline Ids one(Id id) { return static_cast<Ids>(1U << id); }
inline bool has(Ids set, Id id) { return (set >> id & 1U) != 0; }
inline Ids below(Id id) { return static_cast<Ids>(one(id) - 1); }
inline Ids of_boot(int boot) {
  return static_cast<Ids>(((1U << kSeqsMax) - 1) << ((boot - 1) * kSeqsMax));
}
Id first(Ids set);  ///< -1 if empty
Id last(Ids set);   ///< likewise
int count(Ids set);

/// How much of a transfer the taker applied. One of two planes' shares is enough to tell verdicts
/// apart: all, some, none.
enum class Share : std::uint8_t { kAll, kPart, kNone };

/// One peer's giving side of the edge.
struct Giving {
  Ids given = 0;    ///< truth: the replica has moved by them
  Ids created = 0;  ///< that this replica's history knows of
  Ids pending = 0;  ///< in the outbox
  Ids voided = 0;   ///< of these, without a payload
  /// What the receipts said; truth once settled (the maker has set its own side right by them).
  Ids told_all = 0, told_part = 0, told_none = 0;
  std::uint8_t answered = 0;               ///< the newest offer decided on
  std::array<std::uint8_t, kIds> offer{};  ///< that each pending one answers
  // The oldest that is pending in the newest checkpoint on the disk, and in the one before; kIds:
  // none.
  std::uint8_t newest_from = kIds, before_from = kIds;
};

/// ...and its taking side.
struct Taking {
  Ids applied_all = 0, applied_part = 0;       ///< truth
  Ids lost = 0;                                ///< truth: counted in lost_here
  Ids part = 0, none = 0;                      ///< verdicts kept for the maker: other than all
  std::array<std::uint8_t, kBootsMax> seen{};  ///< the last seq of each boot of the maker's
  std::array<std::uint8_t, kBootsMax> gone{};  ///< so many of them are counted in lost_there
  std::uint8_t taken = 0;                      ///< the newest own offer that was answered
  std::uint8_t forgotten = 0;  ///< what became of those below, which the maker has settled
  std::uint8_t lost_here = 0, lost_there = 0, not_applied = 0;  ///< refused, or came as Void

  [[nodiscard]] Id highest() const;
};

/// What a checkpoint holds.
struct Kept {
  Giving giving;
  Taking taking;
};

enum class Lane : std::uint8_t { kFree, kServing, kTaking };

struct Peer {
  Kept now, newest, before;  ///< before: of the two on the disk; the same if there is only one
  std::uint8_t alive = 1;
  std::uint8_t boot = 1;
  std::uint8_t heard = 0;    ///< the other's newest boot
  std::uint8_t took = 0;     ///< its Resume, for this pair of boots
  std::uint8_t resumed = 0;  ///< one was taken in this boot
  std::uint8_t offered = 0;  ///< in this boot
  Lane lane = Lane::kFree;
  std::uint8_t in_lane = 0;  ///< the offer served, or the transfer taken
  Ids pending_there = 0;     ///< as the last Resume said
  Ids queued = 0;            ///< accepted, not begun
  std::array<std::uint8_t, kIds> queued_offer{};
};

enum class Kind : std::uint8_t { kOffer, kTransfer, kVoid, kReceipt, kResume };

struct Message {
  Kind kind{};
  std::uint8_t from = 0;  ///< which peer
  std::uint8_t src_boot = 0, dst_boot = 0;
  std::uint8_t id = 0;       ///< of a transfer, a Void; the newest that a Receipt decides
  std::uint8_t offer = 0;    ///< of an offer, or that a transfer answers
  std::uint8_t settled = 0;  ///< of a transfer's maker
  Ids first = 0;             ///< Resume: created; Receipt: applied
  Ids second = 0;            ///< Resume: pending;  Receipt: applied in part
  Ids third = 0;             ///<                   Receipt: not applied
  auto operator<=>(const Message&) const = default;
};

struct State {
  std::array<Peer, 2> peer;
  std::uint8_t crashes = 0;
  // Truth that no crash takes back.
  std::array<Ids, 2> ever_created{};       ///< by each peer
  std::array<std::uint16_t, 2> decided{};  ///< whose offers were answered by a transfer, by bit
  /// What may arrive. A message stays after it has: so each may be late, repeated, overtaken; and
  /// one that never arrives was lost.
  std::vector<Message> net;  ///< ascending
};

/// Of all of the state.
std::uint64_t hash(const State& state);

}  // namespace murmur::model
