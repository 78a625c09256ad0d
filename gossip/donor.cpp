#include "gossip/donor.hpp"

#include <algorithm>
#include <utility>

namespace murmur::gossip {
namespace {

constexpr std::size_t kWaitingMax = 64;

}  // namespace

void Donor::on_request(const wire::Header& header, const wire::StateRequest& request) {
  const core::PeerId from = header.src;
  const bool can = shell_.phase != Phase::kJoining && shell_.phase != Phase::kDone;
  const auto kept = std::find_if(kept_.begin(), kept_.end(),
                                 [&](const Kept& k) { return k.id == request.snapshot; });
  if (!can || (request.snapshot != 0 && kept == kept_.end())) {
    return send_none(from, request.snapshot);
  }
  if (kept != kept_.end()) return send_chunk(from, *kept, request.plane, request.offset);
  // A repeat, or another newcomer, gets the copy there is unless it is old and there is room for a
  // new one: those that others are half way through are kept for them.
  if (!kept_.empty() && (fresh(kept_.back()) || !make_room())) {
    return send_chunk(from, kept_.back(), request.plane, request.offset);
  }
  const bool waits = std::any_of(waiting_.begin(), waiting_.end(),
                                 [from](const Waiting& w) { return w.peer == from; });
  if (!waits && waiting_.size() < kWaitingMax) {
    waiting_.push_back({from, request.plane, request.offset});
  }
}

std::uint64_t Donor::chunks() const {
  constexpr std::uint64_t kAnswersBeside = 8;
  const std::uint64_t plane = shell_.schema.parameters() * sizeof(float);
  return shell_.config.state.planes.size() * (plane / shell_.config.state_chunk + 1) +
         kAnswersBeside;
}

/// Its parameters are those of now, or the lane has no time for newer ones yet.
bool Donor::fresh(const Kept& kept) const {
  return kept.step == shell_.step || shell_.now < kept.fresh_until;
}

/// One that asked for it does not have parameters of this lineage yet, as far as its messages say.
/// Those that have, and those that are no longer known, are forgotten.
bool Donor::awaited(Kept& kept) {
  std::erase_if(kept.asked, [this](core::PeerId peer) {
    const Link* link = links_.find(peer);
    return link == nullptr || shell_.lineages.is_own(link->lineage);
  });
  return !kept.asked.empty();
}

/// Of the copies that nobody is half way through, the older ones go.
bool Donor::make_room() {
  const auto idle = [this](const Kept& kept) {
    return shell_.now - kept.used >= shell_.config.retry_max;
  };
  while (kept_.size() >= shell_.config.copies_max) {
    const auto oldest = std::find_if(kept_.begin(), kept_.end(), idle);
    if (oldest == kept_.end()) return false;
    kept_.erase(oldest);
  }
  return true;
}

std::optional<Work> Donor::next_snapshot() {
  if (waiting_.empty() || taking_) return std::nullopt;
  taking_ = true;
  return TakeSnapshot{};
}

void Donor::done(const SnapshotTaken& result, core::Duration took) {
  taking_ = false;
  const std::vector<Waiting> waiting = std::exchange(waiting_, {});
  if (!result.state) {
    for (const Waiting& w : waiting) send_none(w.peer, 0);
    return;
  }
  const auto apart =
      std::chrono::duration_cast<core::Duration>(took / shell_.config.copy_share_max);
  kept_.push_back({++copies_, result.state, shell_.lineages.own(), shell_.step,
                   shell_.now + std::min(apart, shell_.config.copy_kept_max), shell_.now});
  for (const Waiting& w : waiting) send_chunk(w.peer, kept_.back(), w.plane, w.offset);
  shell_.timers.arm(expire_timer_,
                    {shell_.now + shell_.config.copy_kept_max, TimerKind::kExpire, {}, 0});
}

void Donor::send_none(core::PeerId to, std::uint32_t snapshot) {
  wire::StateChunk none;
  none.snapshot = snapshot;
  none.state.planes.clear();
  links_.send(to, none);
}

void Donor::send_chunk(core::PeerId to, Kept& kept, core::Plane plane, std::uint64_t offset) {
  const core::Snapshot& state = *kept.state;
  const auto& planes = state.kind.planes;
  auto at = std::find(planes.begin(), planes.end(), plane);
  if (at == planes.end()) {
    // Asked by one that another donor, with another optimizer, began to serve: it sees that here.
    at = planes.begin();
    offset = 0;
  }
  const std::uint64_t plane_size = shell_.schema.parameters() * sizeof(float);
  if (offset >= plane_size) return;
  kept.used = shell_.now;
  if (std::find(kept.asked.begin(), kept.asked.end(), to) == kept.asked.end())
    kept.asked.push_back(to);
  const std::size_t size = std::min<std::size_t>(shell_.config.state_chunk, plane_size - offset);
  const std::uint64_t begin = static_cast<std::uint64_t>(at - planes.begin()) * plane_size + offset;
  links_.send(to,
              wire::StateChunk{kept.id, *at, offset, kept.step, state.optimizer_steps, state.kind},
              state.planes.read(begin, size));
}

void Donor::release() {
  // One of another lineage is of the parameters that this peer had before it yielded.
  std::erase_if(kept_, [this](Kept& kept) {
    return !shell_.lineages.is_own(kept.lineage) || (!awaited(kept) && !fresh(kept));
  });
}

void Donor::on_expire_timer(const Timer& timer) {
  if (!Timers::fired(expire_timer_, timer)) return;
  const core::Duration keep = shell_.config.copy_kept_max;
  std::erase_if(kept_, [&](const Kept& kept) { return shell_.now - kept.used >= keep; });
  if (kept_.empty()) return;
  const auto next = std::min_element(kept_.begin(), kept_.end(),
                                     [](const Kept& a, const Kept& b) { return a.used < b.used; });
  shell_.timers.arm(expire_timer_, {next->used + keep, TimerKind::kExpire, {}, 0});
}

}  // namespace murmur::gossip
