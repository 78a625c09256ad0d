#include "gossip/outcomes.hpp"

#include <algorithm>

#include "core/check.hpp"

namespace murmur::gossip {
namespace {

bool is_whole(const Decided& decided) {
  return !decided.refused && std::all_of(decided.shares.begin(), decided.shares.end(),
                                         [](std::uint16_t share) { return share == kWholeShare; });
}

core::TransferId end_of(const Outcomes::Range& range) { return {range.boot, range.last}; }

}  // namespace

void Outcomes::add(const Decided& decided) {
  if (is_whole(decided)) return;
  const auto [boot, seq] = decided.id;
  CHECK_INVARIANT(ranges_.empty() || end_of(ranges_.back()) < decided.id);
  if (!ranges_.empty()) {
    Range& newest = ranges_.back();
    if (newest.boot == boot && newest.last + 1 == seq && newest.refused == decided.refused &&
        newest.shares == decided.shares) {
      newest.last = seq;
      return;
    }
  }
  ranges_.push_back({boot, seq, seq, decided.refused, decided.shares});
}

void Outcomes::add_lost(core::Boot boot, std::uint64_t first, std::uint64_t last) {
  Range lost{boot, first, last, true, {}};
  const auto at =
      std::upper_bound(ranges_.begin(), ranges_.end(), core::TransferId{boot, first},
                       [](core::TransferId id, const Range& range) { return id <= end_of(range); });
  CHECK_INVARIANT(at == ranges_.end() || (at->boot == boot ? last < at->first : boot < at->boot));
  ranges_.insert(at, std::move(lost));
  // A liar with more than one Resume, or a maker that has not saved in a thousand starts.
  if (ranges_.size() > kOutcomesMax) ranges_.erase(ranges_.begin());
}

void Outcomes::settle(core::TransferId settled) {
  if (has_room()) return;
  forgotten_ = std::max(forgotten_, settled);
  const auto kept = std::find_if(ranges_.begin(), ranges_.end(),
                                 [settled](const Range& r) { return end_of(r) >= settled; });
  ranges_.erase(ranges_.begin(), kept);
}

Decided Outcomes::of(core::TransferId id) const {
  const auto at = std::lower_bound(
      ranges_.begin(), ranges_.end(), id,
      [](const Range& range, core::TransferId wanted) { return end_of(range) < wanted; });
  if (at != ranges_.end() && at->boot == id.boot && at->first <= id.seq) {
    return {id, at->refused, at->shares};
  }
  return {id, false, {kWholeShare}};
}

bool Outcomes::restore(std::vector<Range> ranges, core::TransferId forgotten) {
  core::TransferId before;
  for (const Range& range : ranges) {
    if (core::TransferId{range.boot, range.first} <= before || range.first > range.last)
      return false;
    before = end_of(range);
  }
  if (ranges.size() > kOutcomesMax) return false;
  ranges_ = std::move(ranges);
  forgotten_ = forgotten;
  return true;
}

}  // namespace murmur::gossip
