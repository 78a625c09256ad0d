// What one peer remembers of its exchanges with one other: the outbox, what it gave and what it
// took, by boot, what became of it, and what crashes have lost. This is the part of the protocol
// that a checkpoint carries and that outlives suspicion; only a permanent removal of the other's id
// deletes it.
//
// Rules (docs/protocol.md, "Exactly once"; tests/model tries them in every order):
//  - at most Config::window unreceipted transfers per directed edge, all shards together;
//  - a transfer is applied iff it is the next one, after those that the last Resume named as
//  pending,
//    and answers an offer made to its maker, newer than the last one answered;
//  - a receipt settles what it lists, from the oldest entry of the outbox on, without a gap: so
//  what
//    is pending is always the newest of what was created.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/bytes.hpp"
#include "core/codec.hpp"
#include "core/ids.hpp"
#include "gossip/outcomes.hpp"

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
/// at most 90 KB beside its outbox's payloads and its outcomes, after 3000 starts of both sides.
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

/// A transfer that was accepted and waits to be applied, and the offer that it answers.
struct Accepted {
  core::TransferId id;
  core::OfferId offer;
};

class Edge {
 public:
  // ---- giving: this peer is the maker ----
  /// Oldest first.
  [[nodiscard]] const std::vector<OutboxEntry>& outbox() const { return outbox_; }
  [[nodiscard]] bool owes(core::ShardId shard) const;
  /// Numbers `entry` (entry.id is ignored) under `boot` and keeps it.
  const OutboxEntry& create(core::Boot boot, OutboxEntry entry);
  /// What `decided` (ascending) settles is gone from the outbox, and returned.
  std::vector<Decided> receipt(std::span<const Decided> decided);
  /// Drops an entry's payload but not its id; those of all.
  void void_entry(std::size_t index);
  void void_outbox();
  /// Of what is below, nothing is pending, neither here nor in a checkpoint that a crash could lead
  /// back to: it will not be asked for again.
  [[nodiscard]] core::TransferId settled() const;
  /// A checkpoint of this is being written; it is written; it could not be, or not surely.
  void saving() { writing_from_ = pending_from(); }
  void saved(bool good);

  // ---- taking: this peer is the receiver ----
  [[nodiscard]] core::TransferId highest_seen() const {
    return seen_.empty() ? core::TransferId{}
                         : core::TransferId{seen_.back().boot, seen_.back().seq};
  }
  [[nodiscard]] bool already_seen(core::TransferId id) const { return id <= highest_seen(); }
  enum class Turn : std::uint8_t {
    kRepeat,     ///< decided before
    kWaiting,    ///< accepted before, not yet decided
    kNext,       ///< to be taken
    kEarly,      ///< one before it has not come yet
    kUnasked,    ///< the next, but it answers no offer, or one that was answered
    kOutOfTurn,  ///< cannot have been made: not within a window of the next
  };
  /// Of a transfer that answers `offer`, both having taken the other's Resume; `waiting` is what
  /// was accepted last, if any that was is not decided yet.
  [[nodiscard]] Turn turn(Accepted transfer, Session session,
                          const std::optional<Accepted>& waiting) const;
  /// Of a Void, where nothing waits.
  [[nodiscard]] Turn turn(core::TransferId id, Session session) const;
  /// There is room for the outcome of one more.
  [[nodiscard]] bool may_take() const { return outcomes_.has_room(); }
  /// A transfer has been applied or refused. decided.id must exceed highest_seen().
  void take(const Decided& decided, core::OfferId offer);
  /// A Void: likewise, whatever it answered.
  void take_void(core::TransferId id);
  /// The maker has settled what is below `settled`.
  void settle(core::TransferId settled) { outcomes_.settle(settled); }
  /// What a receipt says of `id`, which was decided, and of others around it: at most `most`;
  /// nothing of what is forgotten.
  [[nodiscard]] std::vector<Decided> decided_around(core::TransferId id, std::size_t most) const;

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

  /// No delta ever went either way, and none is asked for: what is forgotten with it is at most a
  /// claim that one was lost, which is counted again if it is made again.
  [[nodiscard]] bool blank() const {
    return outbox_.empty() && created_.empty() && taken_ == core::OfferId{} &&
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
  static constexpr core::TransferId kNonePending{0xffffffff, 0xffffffffffffffff};
  [[nodiscard]] core::TransferId pending_from() const {
    return outbox_.empty() ? kNonePending : outbox_.front().id;
  }
  [[nodiscard]] Turn place(core::TransferId id, Session session, core::TransferId waiting) const;
  [[nodiscard]] core::TransferId next_after(core::TransferId id, core::Boot theirs) const;
  [[nodiscard]] const Taken* seen_in(core::Boot boot) const;
  void mark_seen(core::TransferId id);
  void trim_seen();

  std::vector<OutboxEntry> outbox_;
  std::vector<BootSeq> created_;
  // The oldest entry of the outbox in the newest checkpoint, in the one before, and in the one that
  // is being written. The newest may turn out to be torn.
  core::TransferId newest_from_ = kNonePending;
  core::TransferId before_from_ = kNonePending;
  core::TransferId writing_from_ = kNonePending;

  std::vector<Taken> seen_;
  Outcomes outcomes_;
  core::Boot seen_floor_ = 0;  // what was made up to that boot is settled, and forgotten
  core::OfferId taken_;        // the newest offer that a transfer answered
  core::OfferId offered_;      // the newest made, in this boot
  std::vector<core::TransferId> pending_there_;  // as the last Resume said
  core::Boot resumed_in_ = 0;                    // the own boot in which a Resume was taken last
};

}  // namespace murmur::gossip
