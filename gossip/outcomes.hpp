// Outcomes: what became of the transfers of one other that were not applied whole, for as long as
// it may still ask. A maker needs to know; and it may ask long after it was told, for a crash takes
// it back to a checkpoint in which it had not been (docs/protocol.md, "Receipts").
//
// Thread rule: a value. Invariant: ascending ranges of ids that do not overlap, each of one boot;
// at most kOutcomesMax of them.
#pragma once

#include <cstdint>
#include <vector>

#include "core/ids.hpp"

namespace murmur::gossip {

/// Of what a transfer brought, a plane, the share that was applied: in 1/65535.
using Shares = std::vector<std::uint16_t>;
inline constexpr std::uint16_t kWholeShare = 0xffff;

/// What became of one transfer, as a Receipt tells its maker.
struct Decided {
  core::TransferId id;
  bool refused = false;  ///< nothing of it was applied: refused, void, or lost
  Shares shares;         ///< else
  friend bool operator==(const Decided&, const Decided&) = default;
};

class Outcomes {
 public:
  static constexpr std::size_t kOutcomesMax = 4096;

  struct Range {
    core::Boot boot = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    bool refused = false;
    Shares shares;
  };

  /// `decided` became known, and exceeds all that is kept. Nothing is kept of what was applied
  /// whole.
  void add(const Decided& decided);
  /// All of `boot` from `first` to `last` were lost here, wherever they lie among the others.
  void add_lost(core::Boot boot, std::uint64_t first, std::uint64_t last);
  /// Their maker has settled what is below `settled`, in all of its checkpoints: where room is
  /// scarce that is forgotten. Else it is kept, for a backup of the maker's state may be put back.
  void settle(core::TransferId settled);
  /// Nothing is known of those below.
  [[nodiscard]] core::TransferId forgotten() const { return forgotten_; }
  /// What became of `id`, which was decided and is not below forgotten().
  [[nodiscard]] Decided of(core::TransferId id) const;
  /// As long as this is false no transfer is to be decided on: its outcome might find no room. The
  /// maker's checkpoints make some.
  [[nodiscard]] bool has_room() const { return ranges_.size() < kOutcomesMax - kForResume; }

  [[nodiscard]] const std::vector<Range>& ranges() const { return ranges_; }
  /// From a checkpoint. False, and nothing changed: not as the invariant says.
  bool restore(std::vector<Range> ranges, core::TransferId forgotten);

 private:
  static constexpr std::size_t kForResume = 3072;  // one may tell of a loss in each of 3000 boots
  std::vector<Range> ranges_;
  core::TransferId forgotten_;
};

}  // namespace murmur::gossip
