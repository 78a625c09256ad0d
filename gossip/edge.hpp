// What one peer remembers of its exchanges with one other: the outbox, what it gave and what it
// took, by boot, and what crashes have lost. This is the part of the protocol that a checkpoint
// carries and that outlives suspicion; only a permanent removal of the other's id deletes it.
//
// Rules (docs/protocol.md, "Exactly once"):
//  - at most one unreceipted transfer per directed edge, all shards together;
//  - a transfer is applied iff its id exceeds the highest seen;
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
  std::uint32_t seq = 0;
};

/// What the two sides tell each other on hearing a new boot.
struct ResumeFacts {
  std::vector<BootSeq> created;  ///< by the sender, per boot of the sender, ascending
  std::vector<BootSeq> seen;     ///< by the sender, per boot of the receiver, ascending
  core::TransferId pending;      ///< the sender's outbox entry; zero if none
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
  /// `id` must exceed highest_seen().
  void mark_seen(core::TransferId id);
  [[nodiscard]] bool already_seen(core::TransferId id) const { return id <= highest_seen(); }

  // ---- offers of the other ----
  core::OfferId answered;  ///< the highest decided on

  // ---- crashes ----
  [[nodiscard]] ResumeFacts facts() const;
  struct Lost {
    std::uint64_t here = 0;   ///< the other gave it, this replica does not hold it
    std::uint64_t there = 0;  ///< this replica holds it, the other no longer knows it gave it
  };
  /// Compares the other's facts with what is known here, counts the differences and marks the
  /// former seen. Taken once per pair of boots.
  Lost resume(const ResumeFacts& theirs);

  /// Nothing was ever exchanged: forgetting it changes nothing.
  [[nodiscard]] bool blank() const {
    return !outbox_ && created_.empty() && seen_.empty() && answered == core::OfferId{};
  }

  std::uint64_t lost_here = 0;
  std::uint64_t lost_there = 0;
  std::uint64_t refused = 0;  ///< receipted as refused: given by the other, not applied here
  std::uint64_t voided = 0;   ///< came as Void: likewise

 private:
  friend struct EdgeArchive;  // snapshot.cpp
  struct Taken {
    core::Boot boot = 0;
    std::uint32_t seq = 0;            ///< the highest seen of that boot
    std::uint32_t counted_there = 0;  ///< seen-not-created is counted up to here
  };
  std::optional<OutboxEntry> outbox_;
  std::vector<BootSeq> created_;
  std::vector<Taken> seen_;
};

}  // namespace murmur::gossip
