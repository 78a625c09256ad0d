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
    return links_.send(from, wire::StateChunk{request.snapshot, request.offset, 0, 0, 0});
  }
  if (kept != kept_.end()) return send_chunk(from, *kept, request.offset);
  // A repeat, or another newcomer, gets the copy there is unless it is old and there is room for a
  // new one: those that others are half way through are kept for them.
  if (!kept_.empty() && (fresh(kept_.back()) || !make_room())) {
    return send_chunk(from, kept_.back(), request.offset);
  }
  if (std::find(waiting_.begin(), waiting_.end(), from) != waiting_.end()) return;
  if (waiting_.size() < kWaitingMax) waiting_.push_back(from);
}

/// Its parameters are those of now, or the lane has no time for newer ones yet.
bool Donor::fresh(const Kept& kept) const {
  const Config& config = shell_.config;
  const auto apart = std::chrono::duration_cast<core::Duration>(kept.took / config.copy_share_max);
  return kept.step == shell_.step ||
         shell_.now - kept.taken < std::min(apart, config.copy_kept_max);
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
  kept_.push_back({++copies_, result.state, core::crc32c(core::view(result.state)), shell_.step,
                   shell_.now, took, shell_.now});
  for (const core::PeerId peer : std::exchange(waiting_, {})) send_chunk(peer, kept_.back(), 0);
  shell_.timers.arm(expire_timer_,
                    {shell_.now + shell_.config.copy_kept_max, TimerKind::kExpire, {}, 0});
}

void Donor::send_chunk(core::PeerId to, Kept& kept, std::uint64_t offset) {
  const core::Bytes& all = *kept.state;
  if (offset >= all.size()) return;
  kept.used = shell_.now;
  const std::size_t size = std::min<std::size_t>(shell_.config.state_chunk, all.size() - offset);
  auto part =
      std::make_shared<core::Bytes>(all.begin() + static_cast<std::ptrdiff_t>(offset),
                                    all.begin() + static_cast<std::ptrdiff_t>(offset + size));
  links_.send(to, wire::StateChunk{kept.id, offset, all.size(), kept.step, kept.crc},
              std::move(part));
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
