#include "gossip/edge.hpp"

#include <algorithm>

#include "core/check.hpp"

namespace murmur::gossip {
namespace {

/// `pending` is the newest of what was made, without a gap.
bool is_newest_of(const std::vector<core::TransferId>& pending, const std::vector<BootSeq>& made) {
  auto boot = made.rbegin();
  std::uint64_t seq = boot == made.rend() ? 0 : boot->seq;
  for (auto id = pending.rbegin(); id != pending.rend(); ++id) {
    if (boot == made.rend() || *id != core::TransferId{boot->boot, seq}) return false;
    if (--seq > 0) continue;
    ++boot;
    seq = boot == made.rend() ? 0 : boot->seq;
  }
  return true;
}

/// Of those that `boot` made up to `last`, the last that is not pending.
std::uint64_t given_by(core::Boot boot, std::uint64_t last,
                       const std::vector<core::TransferId>& pending) {
  const auto first = std::find_if(pending.begin(), pending.end(),
                                  [boot](core::TransferId id) { return id.boot == boot; });
  return first == pending.end() ? last : first->seq - 1;
}

}  // namespace

// ---- giving ----------------------------------------------------------------------------------

bool Edge::owes(core::ShardId shard) const {
  return std::any_of(outbox_.begin(), outbox_.end(),
                     [shard](const OutboxEntry& e) { return e.shard == shard; });
}

const OutboxEntry& Edge::create(core::Boot boot, OutboxEntry entry) {
  CHECK_INVARIANT(outbox_.size() < kWindowMax);
  if (created_.empty() || created_.back().boot != boot) created_.push_back({boot, 0});
  if (created_.size() > kBootsMax) created_.erase(created_.begin());
  entry.id = {boot, ++created_.back().seq};
  return outbox_.emplace_back(std::move(entry));
}

std::vector<Decided> Edge::receipt(std::span<const Decided> decided) {
  std::vector<Decided> settled;
  auto entry = outbox_.begin();
  for (const Decided& one : decided) {
    if (entry != outbox_.end() && one.id == entry->id) {
      settled.push_back(one);
      ++entry;
    }
  }
  outbox_.erase(outbox_.begin(), entry);
  return settled;
}

void Edge::void_entry(std::size_t index) { outbox_[index].delta.reset(); }

void Edge::void_outbox() {
  for (OutboxEntry& entry : outbox_) entry.delta.reset();
}

core::TransferId Edge::settled() const {
  return std::min({pending_from(), newest_from_, before_from_, writing_from_});
}

void Edge::saved(bool good) {
  if (good) {
    before_from_ = newest_from_;
    newest_from_ = writing_from_;
  } else {
    newest_from_ = std::min(newest_from_, writing_from_);
  }
  writing_from_ = kNonePending;
}

// ---- taking ----------------------------------------------------------------------------------

/// First what the last Resume named as pending, then the numbers of the boot that is there.
core::TransferId Edge::next_after(core::TransferId id, core::Boot theirs) const {
  const auto pending = std::upper_bound(pending_there_.begin(), pending_there_.end(), id);
  if (pending != pending_there_.end()) return *pending;
  return {theirs, id.boot == theirs ? id.seq + 1 : 1};
}

Edge::Turn Edge::place(core::TransferId id, Session session, core::TransferId waiting) const {
  if (already_seen(id)) {
    const Taken* boot = seen_in(id.boot);
    const bool was = boot != nullptr ? id.seq <= boot->seq : id.boot <= seen_floor_;
    return was ? Turn::kRepeat : Turn::kOutOfTurn;
  }
  if (id <= waiting) return Turn::kWaiting;
  const core::TransferId after = std::max(waiting, highest_seen());
  if (id == next_after(after, session.theirs)) return Turn::kNext;
  if (std::binary_search(pending_there_.begin(), pending_there_.end(), id)) return Turn::kEarly;
  const core::TransferId last =
      pending_there_.empty() ? after : std::max(after, pending_there_.back());
  const core::TransferId fresh = next_after(last, session.theirs);
  const bool near = id.boot == fresh.boot && id > fresh && id.seq - fresh.seq < kWindowMax;
  return near || id == fresh ? Turn::kEarly : Turn::kOutOfTurn;
}

Edge::Turn Edge::turn(core::TransferId id, Session session) const { return place(id, session, {}); }

Edge::Turn Edge::turn(Accepted transfer, Session session,
                      const std::optional<Accepted>& waiting) const {
  const auto [id, offer] = transfer;
  const Turn turn = place(id, session, waiting ? waiting->id : core::TransferId{});
  if (turn != Turn::kNext) return turn;
  // How many offers an earlier boot made is not known any more, but what answers one was pending
  // when the two sides compared notes.
  const bool made = offer.boot == session.ours
                        ? offer <= offered_
                        : offer.boot < session.ours &&
                              std::binary_search(pending_there_.begin(), pending_there_.end(), id);
  return made && offer > (waiting ? waiting->offer : taken_) ? Turn::kNext : Turn::kUnasked;
}

void Edge::take(const Decided& decided, core::OfferId offer) {
  mark_seen(decided.id);
  outcomes_.add(decided);
  if (decided.refused) ++refused;
  taken_ = std::max(taken_, offer);
}

void Edge::take_void(core::TransferId id) {
  mark_seen(id);
  outcomes_.add({id, true, {}});
  ++voided;
}

void Edge::mark_seen(core::TransferId id) {
  CHECK_INVARIANT(!already_seen(id));
  if (seen_.empty() || seen_.back().boot != id.boot) seen_.push_back({id.boot, 0, 0});
  seen_.back().seq = id.seq;
  trim_seen();
}

void Edge::trim_seen() {
  if (seen_.size() <= kBootsMax) return;
  const auto newest = seen_.end() - kBootsMax;
  seen_floor_ = (newest - 1)->boot;
  seen_.erase(seen_.begin(), newest);
}

const Edge::Taken* Edge::seen_in(core::Boot boot) const {
  const auto at = std::lower_bound(seen_.begin(), seen_.end(), boot,
                                   [](const Taken& t, core::Boot b) { return t.boot < b; });
  return at != seen_.end() && at->boot == boot ? &*at : nullptr;
}

/// Of its boot alone. What was decided after it first, for that is what the maker may not have
/// heard of; then what was before.
std::vector<Decided> Edge::decided_around(core::TransferId id, std::size_t most) const {
  const core::TransferId forgotten = outcomes_.forgotten();
  if (id < forgotten) return {};  // a late repeat: its maker has settled it
  const Taken* boot = seen_in(id.boot);
  if (boot == nullptr) return {outcomes_.of(id)};  // so long ago
  const std::uint64_t last = boot->seq - id.seq < most ? boot->seq : id.seq + most - 1;
  std::uint64_t first = last > most ? last - most + 1 : 1;
  if (id.boot == forgotten.boot) first = std::max(first, forgotten.seq);
  std::vector<Decided> result;
  for (std::uint64_t seq = first; seq <= last; ++seq)
    result.push_back(outcomes_.of({id.boot, seq}));
  return result;
}

// ---- offers ----------------------------------------------------------------------------------

core::OfferId Edge::offer(core::Boot boot) {
  if (offered_.boot != boot) offered_ = {boot, 0};
  ++offered_.number;
  return offered_;
}

// ---- crashes ---------------------------------------------------------------------------------

ResumeFacts Edge::facts() const {
  ResumeFacts facts;
  facts.created = created_;
  for (const Taken& taken : seen_) facts.seen.push_back({taken.boot, taken.seq});
  for (const OutboxEntry& entry : outbox_) facts.pending.push_back(entry.id);
  return facts;
}

std::optional<Edge::Lost> Edge::resume(const ResumeFacts& theirs, Session session,
                                       std::uint64_t lost_max) {
  const std::vector<BootSeq>& created = theirs.created;
  if (!is_newest_of(theirs.pending, created)) return std::nullopt;
  // A longer list than that is cut: of the boots before it nothing is known.
  const core::Boot complete_from = created.size() < kBootsMax ? 0 : created.front().boot;

  Lost lost;
  std::vector<Taken> seen;
  seen.reserve(seen_.size() + created.size());
  Outcomes outcomes = outcomes_;
  auto taken = seen_.begin();
  auto made = created.begin();
  while (taken != seen_.end() || made != created.end()) {
    const bool is_seen =
        taken != seen_.end() && (made == created.end() || taken->boot <= made->boot);
    const bool is_made =
        made != created.end() && (taken == seen_.end() || made->boot <= taken->boot);
    Taken both = is_seen ? *taken++ : Taken{made->boot, 0, 0};
    const std::uint64_t last = is_made ? (made++)->seq : 0;
    const std::uint64_t given = given_by(both.boot, last, theirs.pending);
    if (given > both.seq && both.boot > seen_floor_) {
      // They created it and this side has not seen it: a rolled-back checkpoint took it from here.
      outcomes.add_lost(both.boot, both.seq + 1, given);
      lost.here += given - both.seq;
      both.seq = given;
    } else if (both.boot < session.theirs && both.boot >= complete_from) {
      // This side has seen it and they do not know to have created it: their rollback took it, now
      // or before. One that came back from an older checkpoint than last time knows of fewer.
      const std::uint64_t known = both.seq - both.gone;
      if (known > last) {
        lost.there += known - last;
        both.gone = both.seq - last;
      }
    }
    if (both.seq > 0) seen.push_back(both);
  }
  const bool can_have_lost = session.ours > 1 && resumed_in_ != session.ours;
  if (lost.here > (can_have_lost ? lost_max : 0)) return std::nullopt;

  seen_ = std::move(seen);
  outcomes_ = std::move(outcomes);
  trim_seen();
  pending_there_ = theirs.pending;
  resumed_in_ = session.ours;
  lost_here += lost.here;
  lost_there += lost.there;
  return lost;
}

}  // namespace murmur::gossip
