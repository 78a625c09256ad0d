// What one peer remembers of its exchanges with one other: the outbox, what it gave and what it
// took, by boot, and what crashes have lost. This is the part of the protocol that a checkpoint
// carries and that outlives suspicion; only a permanent removal of the other's id deletes it.
//
// Rules (docs/protocol.md, "Exactly once"):
//  - at most one unreceipted transfer per directed edge, all shards together;
//  - a transfer is applied iff it is the next one, or the one that the last Resume named as
//  pending,
//    and answers an offer made to its maker, newer than the last one answered;
//  - a receipt empties the outbox only on an exact match.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/bytes.hpp"
#include "core/codec.hpp"
#include "core/ids.hpp"

namespace murmur::gossip {

/// A transfer applied here and not yet receipted.
struct OutboxEntry {
  core::TransferId id;
  core::OfferId offer;
  core::ShardId shard = 0;
  core::Codec codec{};
  float weight = 0;
  std::uint64_t step = 0;  ///< the maker's, when it applied its side
  core::Payload delta;     ///< null once voided
};

/// The last sequence number of one boot.
struct BootSeq {
  core::Boot boot = 0;
  std::uint64_t seq = 0;
};

/// No window of unreceipted transfers is larger.
inline constexpr std::uint8_t kWindowMax = 16;

/// A list by boots has at most so many entries, here and in a Resume: the newest. So an edge takes
/// at most 90 KB beside its outbox's payload, after 3000 starts of both sides.
inline constexpr std::size_t kBootsMax = 3000;

/// The boots of the two sides of an edge, while they exchange.
struct Session {
  core::Boot ours = 0;
  core::Boot theirs = 0;
};

/// What the two sides tell each other on hearing a new boot.
struct ResumeFacts {
  std::vector<BootSeq> created;           ///< by the sender, per boot of the sender, ascending
  std::vector<BootSeq> seen;              ///< by the sender, per boot of the receiver, ascending
  std::vector<core::TransferId> pending;  ///< the sender's outbox entries, ascending
};

class Edge {
 public:
  // ---- giving: this peer is the maker ----
  [[nodiscard]] const std::optional<OutboxEntry>& outbox() const { return outbox_; }
  /// The outbox must be empty. Numbers `entry` (entry.id is ignored) under `boot` and keeps it.
  const OutboxEntry& create(core::Boot boot, OutboxEntry entry);
  /// True iff `id` matched the entry, which is then gone.
  bool receipt(core::TransferId id);
  /// Drops the entry's payload but not its id.
  void void_outbox();

  // ---- taking: this peer is the receiver ----
  [[nodiscard]] core::TransferId highest_seen() const {
    return seen_.empty() ? core::TransferId{}
                         : core::TransferId{seen_.back().boot, seen_.back().seq};
  }
  [[nodiscard]] bool already_seen(core::TransferId id) const { return id <= highest_seen(); }
  enum class Turn : std::uint8_t {
    kRepeat,     ///< seen before
    kNext,       ///< to be taken
    kUnasked,    ///< the next, but it answers no offer, or one that was answered
    kOutOfTurn,  ///< cannot have been made: neither the next nor the one named as pending
  };
  /// Of a transfer that answers `offer`, both having taken the other's Resume.
  [[nodiscard]] Turn turn(core::TransferId id, core::OfferId offer, Session session) const;
  /// Of a Void.
  [[nodiscard]] Turn turn(core::TransferId id, Session session) const;
  /// A transfer has been applied or refused. `id` must exceed highest_seen().
  void take(core::TransferId id, core::OfferId offer);
  /// Likewise, whatever it answered.
  void mark_seen(core::TransferId id);

  // ---- offers to the other, numbered from one in every boot ----
  core::OfferId offer(core::Boot boot);

  // ---- which process of the other was heard last ----
  struct Newest {
    core::Boot boot = 0;
    std::uint64_t process = 0;  ///< zero: not known
  };
  Newest newest;

  // ---- offers of the other ----
  core::OfferId answered;  ///< the highest decided on

  // ---- crashes ----
  [[nodiscard]] ResumeFacts facts() const;
  struct Lost {
    std::uint64_t here = 0;   ///< the other gave it, this replica does not hold it
    std::uint64_t there = 0;  ///< this replica holds it, the other no longer knows it gave it
  };
  /// Compares the other's facts with what is known here, counts the differences and marks the
  /// former seen. Nothing, and nothing is changed: they cannot be true. Only a crash of this side
  /// loses something here, so only the first Resume since may say so, and at most `lost_max`.
  std::optional<Lost> resume(const ResumeFacts& theirs, Session session, std::uint64_t lost_max);

  /// Nothing was ever exchanged: forgetting it changes nothing.
  [[nodiscard]] bool blank() const {
    return !outbox_ && created_.empty() && seen_.empty() && answered == core::OfferId{} &&
           offered_ == core::OfferId{};
  }

  std::uint64_t lost_here = 0;
  std::uint64_t lost_there = 0;
  std::uint64_t refused = 0;  ///< receipted as refused: given by the other, not applied here
  std::uint64_t voided = 0;   ///< came as Void: likewise

 private:
  friend struct EdgeArchive;  // saved_state.cpp
  struct Taken {
    core::Boot boot = 0;
    std::uint64_t seq = 0;   ///< the highest seen of that boot
    std::uint64_t gone = 0;  ///< so many of those up to `seq`, the last, are counted lost there
  };
  void trim_seen();

  std::optional<OutboxEntry> outbox_;
  std::vector<BootSeq> created_;
  std::vector<Taken> seen_;
  core::Boot seen_floor_ = 0;       // what was made up to that boot is settled, and forgotten
  core::OfferId taken_;             // the newest offer that a transfer answered
  core::OfferId offered_;           // the newest made, in this boot
  core::TransferId pending_there_;  // as the last Resume said
  core::Boot resumed_in_ = 0;       // the own boot in which a Resume was taken last
};

}  // namespace murmur::gossip
