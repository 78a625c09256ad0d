#include "gossip/edge.hpp"

#include <algorithm>

#include "core/check.hpp"

namespace murmur::gossip {
namespace {

std::uint32_t last_of(const std::vector<BootSeq>& list, core::Boot boot) {
  const auto it =
      std::find_if(list.begin(), list.end(), [boot](const BootSeq& b) { return b.boot == boot; });
  return it == list.end() ? 0 : it->seq;
}

}  // namespace

const OutboxEntry& Edge::create(core::Boot boot, OutboxEntry entry) {
  CHECK_INVARIANT(!outbox_);
  if (created_.empty() || created_.back().boot != boot) created_.push_back({boot, 0});
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

void Edge::mark_seen(core::TransferId id) {
  CHECK_INVARIANT(!already_seen(id));
  if (seen_.empty() || seen_.back().boot != id.boot) seen_.push_back({id.boot, 0, 0});
  seen_.back().seq = id.seq;
}

ResumeFacts Edge::facts() const {
  ResumeFacts facts;
  facts.created = created_;
  for (const Taken& taken : seen_) facts.seen.push_back({taken.boot, taken.seq});
  if (outbox_) facts.pending = outbox_->id;
  return facts;
}

Edge::Lost Edge::resume(const ResumeFacts& theirs) {
  Lost lost;
  // What they created and this side has not seen: a rolled-back checkpoint took it from here.
  for (const BootSeq& created : theirs.created) {
    auto at =
        std::lower_bound(seen_.begin(), seen_.end(), created.boot,
                         [](const Taken& taken, core::Boot boot) { return taken.boot < boot; });
    const bool known = at != seen_.end() && at->boot == created.boot;
    std::uint32_t last = created.seq;
    // The pending transfer is the newest of its boot, and is still to come.
    if (theirs.pending.boot == created.boot && theirs.pending.seq == created.seq) --last;
    const std::uint32_t seen = known ? at->seq : 0;
    if (last <= seen) continue;
    lost.here += last - seen;
    if (!known) at = seen_.insert(at, {created.boot, 0, 0});
    at->seq = last;
  }
  // What this side has seen and they do not know to have created: their rollback took it.
  for (Taken& taken : seen_) {
    const std::uint32_t known = std::max(last_of(theirs.created, taken.boot), taken.counted_there);
    if (taken.seq > known) lost.there += taken.seq - known;
    taken.counted_there = std::max(taken.counted_there, taken.seq > known ? taken.seq : 0U);
  }
  lost_here += lost.here;
  lost_there += lost.there;
  return lost;
}

}  // namespace murmur::gossip
