#include "gossip/state_copy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/duration.hpp"

namespace murmur::gossip {
namespace {

constexpr int kTriesMax = 5;
constexpr core::Duration kKeep = std::chrono::seconds(10);
constexpr std::size_t kWaitingMax = 64;
constexpr std::size_t kSnapshotsMax = 2;

bool may_donate(const Link& link) {
  return link.up && link.phase != Phase::kJoining && link.phase != Phase::kDone;
}

}  // namespace

StateCopy::StateCopy(Shell& shell, Links& links)
    : shell_(shell), links_(links), heard_(shell.now) {}

// ---- newcomer --------------------------------------------------------------------------------

void StateCopy::seek() {
  if (shell_.phase != Phase::kJoining || copy_) return;
  core::PeerId chosen;
  std::uint64_t eligible = 0;
  for (const auto& [id, link] : links_.all()) {
    if (may_donate(link) && id != avoid_ && shell_.rng.below(++eligible) == 0) chosen = id;
  }
  if (eligible == 0) {
    // Only the one that failed is left, or nobody yet: look again shortly.
    avoid_ = {};
    shell_.timers.arm(
        request_timer_,
        {shell_.now + shell_.jitter(shell_.config.retry), TimerKind::kRequest, {}, 0});
    return;
  }
  heard_ = shell_.now;
  copy_ = Copy{};
  copy_->donor = chosen;
  request();
}

std::optional<std::string> StateCopy::hopeless() const {
  if (const auto refusal = links_.refused_by_all()) {
    return "every contact refused this peer: " + *refusal;
  }
  if (shell_.now < gives_up_at()) return std::nullopt;
  return fmt::format("found nobody to copy the parameters from within {} at {}",
                     core::to_string(shell_.config.join_max), fmt::join(shell_.config.join, ", "));
}

void StateCopy::request() {
  links_.send(copy_->donor, wire::StateRequest{copy_->snapshot, copy_->bytes.size()});
  shell_.timers.arm(request_timer_,
                    {shell_.now + shell_.back_off(copy_->backoff), TimerKind::kRequest, {}, 0});
}

void StateCopy::leave_donor() {
  avoid_ = copy_->donor;
  copy_.reset();
  seek();
}

void StateCopy::on_request_timer(const Timer& timer) {
  if (!Timers::fired(request_timer_, timer) || shell_.phase != Phase::kJoining) return;
  if (!copy_) return seek();
  if (copy_->whole) return;
  if (++copy_->tries > kTriesMax) return leave_donor();
  request();
}

void StateCopy::on_link(core::PeerId peer, LinkChange change) {
  if (change == LinkChange::kUp) return seek();
  if (change != LinkChange::kNone && copy_ && copy_->donor == peer && !copy_->whole) leave_donor();
}

void StateCopy::on_chunk(const wire::Header& header, const wire::StateChunk& chunk,
                         const core::Payload& payload) {
  if (!copy_ || copy_->whole || header.src != copy_->donor) return;
  const std::size_t size = payload ? payload->size() : 0;
  if (chunk.total == 0) {
    if (chunk.snapshot == copy_->snapshot) leave_donor();
    return;
  }
  if (copy_->snapshot == 0 && chunk.offset == 0) {
    copy_->snapshot = chunk.snapshot;
    copy_->total = chunk.total;
    copy_->step = chunk.step;
    copy_->crc = chunk.crc;
  }
  if (chunk.snapshot != copy_->snapshot || chunk.offset != copy_->bytes.size()) return;  // a repeat
  if (size == 0 || chunk.total != copy_->total || chunk.total > shell_.config.state_max ||
      size > copy_->total - copy_->bytes.size()) {
    return leave_donor();
  }
  copy_->bytes.insert(copy_->bytes.end(), payload->begin(), payload->end());
  heard_ = shell_.now;
  copy_->tries = 0;
  copy_->backoff /= 2;  // the next wait is as long as the one that was long enough
  if (copy_->bytes.size() < copy_->total) return request();
  if (core::crc32c(copy_->bytes) != copy_->crc) return leave_donor();
  copy_->whole = true;
}

std::optional<Work> StateCopy::next_adoption() {
  if (!copy_ || !copy_->whole || copy_->bytes.empty()) return std::nullopt;
  return Adopt{std::move(copy_->bytes)};
}

bool StateCopy::done(const Adopted& result) {
  const core::PeerId donor = copy_->donor;
  if (!result.result) {
    shell_.report(PeerReport{PeerReport::What::kRefused,
                             donor,
                             {},
                             "its state does not fit: " + result.result.error().message});
    leave_donor();
    return false;
  }
  shell_.step = copy_->step;
  copy_.reset();
  return true;
}

// ---- donor -----------------------------------------------------------------------------------

void StateCopy::on_request(const wire::Header& header, const wire::StateRequest& request) {
  const core::PeerId from = header.src;
  const bool can = shell_.phase != Phase::kJoining && shell_.phase != Phase::kDone;
  const auto kept = std::find_if(kept_.begin(), kept_.end(),
                                 [&](const Kept& k) { return k.id == request.snapshot; });
  if (!can || (request.snapshot != 0 && kept == kept_.end())) {
    return links_.send(from, wire::StateChunk{request.snapshot, request.offset, 0, 0, 0});
  }
  if (kept != kept_.end()) return send_chunk(from, *kept, request.offset);
  // A repeat, or another newcomer, gets the snapshot there is unless it is old. One that others are
  // half way through is kept for them.
  if (!kept_.empty() &&
      (shell_.now - kept_.back().taken < kKeep || kept_.size() >= kSnapshotsMax)) {
    return send_chunk(from, kept_.back(), request.offset);
  }
  if (std::find(waiting_.begin(), waiting_.end(), from) != waiting_.end()) return;
  if (waiting_.size() < kWaitingMax) waiting_.push_back(from);
}

std::optional<Work> StateCopy::next_snapshot() {
  if (waiting_.empty() || taking_) return std::nullopt;
  taking_ = true;
  return TakeSnapshot{};
}

void StateCopy::done(const SnapshotTaken& result) {
  taking_ = false;
  kept_.push_back({++snapshots_, result.state, core::crc32c(core::view(result.state)), shell_.step,
                   shell_.now, shell_.now});
  for (const core::PeerId peer : std::exchange(waiting_, {})) send_chunk(peer, kept_.back(), 0);
  shell_.timers.arm(expire_timer_, {shell_.now + kKeep, TimerKind::kExpire, {}, 0});
}

void StateCopy::send_chunk(core::PeerId to, Kept& kept, std::uint64_t offset) {
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

void StateCopy::on_expire_timer(const Timer& timer) {
  if (!Timers::fired(expire_timer_, timer)) return;
  std::erase_if(kept_, [this](const Kept& kept) { return shell_.now - kept.used >= kKeep; });
  if (kept_.empty()) return;
  const auto next = std::min_element(kept_.begin(), kept_.end(),
                                     [](const Kept& a, const Kept& b) { return a.used < b.used; });
  shell_.timers.arm(expire_timer_, {next->used + kKeep, TimerKind::kExpire, {}, 0});
}

}  // namespace murmur::gossip
