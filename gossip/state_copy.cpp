#include "gossip/state_copy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/duration.hpp"

namespace murmur::gossip {
namespace {

constexpr int kTriesMax = 5;                                        // of one chunk, after the first
constexpr std::size_t kEnough = std::size_t{64} << 10;              // bytes that a donor brings...
constexpr core::Duration kEnoughWithin = std::chrono::seconds(10);  // ...in such a time, or is left
constexpr int kFailuresMax = 5;  // of one donor in one of its boots
// After a state of another lineage that was clearly worse: its donor may have been one that is far
// behind its own lineage; but a liar has many names.
constexpr core::Duration kRefusedForMin = std::chrono::seconds(1);
constexpr core::Duration kRefusedForMax = std::chrono::minutes(10);

}  // namespace

StateCopy::StateCopy(Shell& shell, Links& links)
    : shell_(shell), links_(links), heard_(shell.now) {}

/// While joining, or of a lineage that yields.
bool StateCopy::wanted() const {
  if (shell_.phase == Phase::kJoining) return true;
  return shell_.phase != Phase::kDone && shell_.lineages.sought() != 0 && shell_.now >= not_before_;
}

bool StateCopy::may_donate(core::PeerId peer, const Link& link) const {
  const core::Lineage sought = shell_.lineages.sought();
  return link.up && link.phase != Phase::kJoining && link.phase != Phase::kDone &&
         (shell_.phase == Phase::kJoining ? link.lineage != 0 : link.lineage == sought) &&
         !given_up(peer, link);
}

bool StateCopy::given_up(core::PeerId peer, const Link& link) const {
  const auto it = tried_.find(peer);
  return it != tried_.end() && it->second.boot == link.boot && it->second.failures >= kFailuresMax;
}

void StateCopy::seek() {
  if (!wanted() || copy_) return;
  std::vector<core::PeerId> donors;
  std::uint64_t furthest = 0;
  for (const auto& [id, link] : links_.all()) {
    if (!may_donate(id, link)) continue;
    const auto it = tried_.find(id);
    if (it != tried_.end() && shell_.now < it->second.not_before) continue;
    donors.push_back(id);
    furthest = std::max(furthest, link.step);
  }
  core::PeerId chosen;
  std::uint64_t eligible = 0;
  for (const core::PeerId id : donors) {
    if (links_.all().at(id).step < furthest / 2) continue;
    if (shell_.rng.below(++eligible) == 0) chosen = id;
  }
  if (eligible == 0) {
    // Nobody yet, or none whose time has come again: look again shortly.
    shell_.timers.arm(
        request_timer_,
        {shell_.now + shell_.jitter(shell_.config.retry), TimerKind::kRequest, {}, 0});
    return;
  }
  const Link& link = links_.all().at(chosen);
  Tried& tried = tried_[chosen];
  if (tried.boot != link.boot) {
    // Only one that was not tried before gives new hope, and not without end.
    tried = {link.boot, 0, {}, {}};
    if (tried_.size() <= shell_.config.links_max) heard_ = shell_.now;
  }
  copy_ = Copy{};
  copy_->donor = chosen;
  request();
}

core::Instant StateCopy::gives_up_at() const {
  const core::Instant nobody = heard_ + shell_.config.join_max;
  if (!given_up_at_ || copy_) return nobody;
  return std::min(nobody, *given_up_at_ + shell_.config.join_max / 6);
}

std::optional<std::string> StateCopy::hopeless() const {
  if (const auto refusal = links_.refused_by_all()) {
    return "every contact refused this peer: " + *refusal;
  }
  if (shell_.now < gives_up_at()) return std::nullopt;
  const bool one_left =
      std::any_of(links_.all().begin(), links_.all().end(),
                  [this](const auto& entry) { return may_donate(entry.first, entry.second); });
  const std::string within = core::to_string(shell_.config.join_max);
  if (shell_.now < heard_ + shell_.config.join_max && one_left) return std::nullopt;
  if (!why_.empty()) return "no donor has a state that this peer can use: " + why_;
  const std::size_t met = links_.met();
  if (met > 0) {
    return fmt::format(
        "met {} peer{} within {}, none of which has parameters: one must start "
        "without --join",
        met, met == 1 ? "" : "s", within);
  }
  return fmt::format("found nobody to copy the parameters from within {} at {}{}", within,
                     fmt::join(shell_.config.join, ", "),
                     links_.refusal().empty() ? "" : "; " + links_.refusal());
}

void StateCopy::request() {
  wire::StateRequest next{copy_->snapshot, core::Plane::kParameters, 0};
  if (parts_ && parts_->state.planes.size() > 0) {
    const std::uint64_t at = std::min(parts_->state.planes.size(), size() - 1);
    next.plane = parts_->state.kind.planes[at / plane_size()];
    next.offset = at % plane_size();
  }
  links_.send(copy_->donor, next);
  shell_.timers.arm(request_timer_,
                    {shell_.now + shell_.back_off(copy_->backoff), TimerKind::kRequest, {}, 0});
}

void StateCopy::leave_donor(const std::string& why) {
  const core::PeerId donor = copy_->donor;
  Tried& tried = tried_[donor];
  why_ = fmt::format("{}: {}", core::short_name(donor), why);
  if (++tried.failures == kFailuresMax) {
    given_up_at_ = shell_.now;
    shell_.report(PeerReport{PeerReport::What::kRefused, donor, {}, why});
  }
  tried.not_before = shell_.now + shell_.back_off(tried.backoff);
  copy_.reset();
  seek();
}

void StateCopy::give_up_donor(const std::string& why) {
  tried_[copy_->donor].failures = kFailuresMax - 1;
  links_.send(copy_->donor, wire::Refuse{0, 0, why});
  leave_donor(why);
}

void StateCopy::on_request_timer(const Timer& timer) {
  if (!Timers::fired(request_timer_, timer)) return;
  if (shell_.now < not_before_) {
    shell_.timers.arm(request_timer_, {not_before_, TimerKind::kRequest, {}, 0});
  }
  if (!wanted()) return;
  if (!copy_) return seek();
  if (copy_->whole) return;
  if (++copy_->tries > kTriesMax) return leave_donor("it does not answer");
  request();
}

void StateCopy::on_link(core::PeerId peer, LinkChange change) {
  if (change == LinkChange::kUp) return seek();
  if (change == LinkChange::kNone || !copy_ || copy_->donor != peer || copy_->whole) return;
  copy_.reset();  // that is no failure of its own: it may come back
  seek();
}

std::uint64_t StateCopy::plane_size() const { return shell_.schema.parameters() * sizeof(float); }

/// Of all that is to be copied.
std::uint64_t StateCopy::size() const { return parts_->state.kind.planes.size() * plane_size(); }

void StateCopy::on_chunk(const wire::Header& header, const wire::StateChunk& chunk,
                         const core::Payload& payload) {
  if (!copy_ || copy_->whole || header.src != copy_->donor) return;
  if (chunk.state.planes.empty()) {
    if (chunk.snapshot == copy_->snapshot) leave_donor("it has no state, or no longer");
    return;
  }
  if (chunk.step > header.step) {
    return give_up_donor(
        fmt::format("its state: of step {}, though it is at {}", chunk.step, header.step));
  }
  // Of another kind of optimizer the parameters alone are of use.
  const core::StateKind wanted =
      chunk.state == shell_.config.state
          ? chunk.state
          : core::StateKind{chunk.state.optimizer, {core::Plane::kParameters}};
  if (copy_->snapshot == 0) {
    copy_->snapshot = chunk.snapshot;
    if (!parts_ || parts_->lineage != header.lineage) {
      parts_ = Parts{header.lineage, 0, {wanted, 0, {}}};
    } else if (wanted != parts_->state.kind) {
      // What came is of other planes than this donor has: the parameters stay.
      parts_->state.kind = {chunk.state.optimizer, {core::Plane::kParameters}};
      parts_->state.planes.truncate(plane_size());
    }
    copy_->had = parts_->state.planes.size();
    copy_->had_at = shell_.now;
  }
  core::Parts& planes = parts_->state.planes;
  const std::uint64_t at = planes.size();
  if (at == size()) {
    copy_->whole = true;
    return;
  }
  const bool next = chunk.plane == parts_->state.kind.planes[at / plane_size()] &&
                    chunk.offset == at % plane_size();
  if (chunk.snapshot != copy_->snapshot || !next) return;  // a repeat
  const std::size_t came = core::view(payload).size();
  if (came == 0 || came > plane_size() - chunk.offset) {
    return leave_donor("its state came in wrong pieces");
  }
  planes.append(payload);
  parts_->step = chunk.step;
  parts_->state.optimizer_steps = chunk.optimizer_steps;
  heard_ = shell_.now;
  copy_->tries = 0;
  copy_->backoff /= 2;  // the next wait is as long as the one that was long enough
  if (planes.size() < size()) {
    if (planes.size() - copy_->had >= kEnough) {
      copy_->had = planes.size();
      copy_->had_at = shell_.now;
    } else if (shell_.now - copy_->had_at >= kEnoughWithin) {
      return leave_donor("its state comes too slowly");
    }
    return request();
  }
  copy_->whole = true;
}

std::optional<Adopt> StateCopy::next_adoption() {
  if (!copy_ || !copy_->whole || parts_->state.planes.size() == 0) return std::nullopt;
  with_optimizer_ = parts_->state.kind == shell_.config.state;
  return Adopt{std::exchange(parts_->state, {}), std::nullopt};
}

bool StateCopy::done(const Adopted& result) {
  if (!result.result) {
    const core::Lineage theirs = parts_->lineage;
    parts_.reset();
    if (shell_.phase == Phase::kJoining) {
      give_up_donor("its state does not fit: " + result.result.error().message);
      return false;
    }
    refused_for_ =
        refused_for_.count() == 0 ? kRefusedForMin : std::min(2 * refused_for_, kRefusedForMax);
    ++shell_.counters.lineages_refused;
    not_before_ = shell_.now + shell_.jitter(refused_for_);
    shell_.timers.arm(request_timer_, {not_before_, TimerKind::kRequest, {}, 0});
    shell_.report(NoticeReport{
        fmt::format("lineage {:016x} is refused: {}; this peer goes on in its own, {:016x}", theirs,
                    result.result.error().message, shell_.lineages.own())});
    give_up_donor("its state is refused: " + result.result.error().message);
    return false;
  }
  if (!with_optimizer_) {
    shell_.report(NoticeReport{
        "took the parameters alone: the donor's optimizer is of another kind, and this one's "
        "begins anew"});
  }
  shell_.step = parts_->step;
  shell_.lineages.enter(parts_->lineage, parts_->step);
  copy_.reset();
  parts_.reset();
  tried_.clear();
  return true;
}

}  // namespace murmur::gossip
