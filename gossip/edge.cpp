#include "gossip/edge.hpp"

#include <algorithm>

#include "core/check.hpp"

namespace murmur::gossip {

const OutboxEntry& Edge::create(core::Boot boot, OutboxEntry entry) {
  CHECK_INVARIANT(!outbox_);
  if (created_.empty() || created_.back().boot != boot) created_.push_back({boot, 0});
  if (created_.size() > kBootsMax) created_.erase(created_.begin());
  entry.id = {boot, ++created_.back().seq};
  return outbox_.emplace(std::move(entry));
}

bool Edge::receipt(core::TransferId id) {
  if (!outbox_ || outbox_->id != id) return false;
  outbox_.reset();
  return true;
}

void Edge::void_outbox() {
  CHECK_INVARIANT(outbox_.has_value());
  outbox_->delta.reset();
}

core::OfferId Edge::offer(core::Boot boot) {
  if (offered_.boot != boot) offered_ = {boot, 0};
  ++offered_.number;
  return offered_;
}

Edge::Turn Edge::turn(core::TransferId id, Session session) const {
  if (already_seen(id)) return Turn::kRepeat;
  if (id == pending_there_) return Turn::kNext;
  const core::TransferId seen = highest_seen();
  const std::uint64_t last = seen.boot == session.theirs ? seen.seq : 0;
  return id.boot == session.theirs && id.seq - last == 1 ? Turn::kNext : Turn::kOutOfTurn;
}

Edge::Turn Edge::turn(core::TransferId id, core::OfferId offer, Session session) const {
  const Turn turn = this->turn(id, session);
  if (turn != Turn::kNext) return turn;
  // How many offers an earlier boot made is not known any more, but what answers one was pending
  // when the two sides compared notes.
  const bool made = offer.boot == session.ours ? offer <= offered_
                                               : offer.boot < session.ours && id == pending_there_;
  return made && offer > taken_ ? Turn::kNext : Turn::kUnasked;
}

void Edge::take(core::TransferId id, core::OfferId offer) {
  mark_seen(id);
  taken_ = std::max(taken_, offer);
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

ResumeFacts Edge::facts() const {
  ResumeFacts facts;
  facts.created = created_;
  for (const Taken& taken : seen_) facts.seen.push_back({taken.boot, taken.seq});
  if (outbox_) facts.pending.push_back(outbox_->id);
  return facts;
}

std::optional<Edge::Lost> Edge::resume(const ResumeFacts& theirs, Session session,
                                       std::uint64_t lost_max) {
  const std::vector<BootSeq>& created = theirs.created;
  // The pending transfer is the newest that they made.
  const core::TransferId newest = created.empty()
                                      ? core::TransferId{}
                                      : core::TransferId{created.back().boot, created.back().seq};
  if (theirs.pending.size() > 1) return std::nullopt;
  const core::TransferId pending = theirs.pending.empty() ? core::TransferId{} : theirs.pending[0];
  if (pending != core::TransferId{} && pending != newest) return std::nullopt;
  // A longer list than that is cut: of the boots before it nothing is known.
  const core::Boot complete_from = created.size() < kBootsMax ? 0 : created.front().boot;

  Lost lost;
  std::vector<Taken> seen;
  seen.reserve(seen_.size() + created.size());
  auto taken = seen_.begin();
  auto made = created.begin();
  while (taken != seen_.end() || made != created.end()) {
    const bool is_seen =
        taken != seen_.end() && (made == created.end() || taken->boot <= made->boot);
    const bool is_made =
        made != created.end() && (taken == seen_.end() || made->boot <= taken->boot);
    Taken both = is_seen ? *taken++ : Taken{made->boot, 0, 0};
    const std::uint64_t last = is_made ? (made++)->seq : 0;
    const std::uint64_t given = pending == core::TransferId{both.boot, last} ? last - 1 : last;
    if (given > both.seq && both.boot > seen_floor_) {
      // They created it and this side has not seen it: a rolled-back checkpoint took it from here.
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
  trim_seen();
  pending_there_ = pending;
  resumed_in_ = session.ours;
  lost_here += lost.here;
  lost_there += lost.there;
  return lost;
}

}  // namespace murmur::gossip
