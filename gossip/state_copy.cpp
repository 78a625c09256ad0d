#include "gossip/state_copy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/duration.hpp"

namespace murmur::gossip {
namespace {

constexpr int kTriesMax = 5;     // of one chunk, after the first
constexpr int kFailuresMax = 5;  // of one donor in one of its boots

bool may_donate(const Link& link) {
  return link.up && link.phase != Phase::kJoining && link.phase != Phase::kDone;
}

}  // namespace

StateCopy::StateCopy(Shell& shell, Links& links)
    : shell_(shell), links_(links), heard_(shell.now) {}

bool StateCopy::given_up(core::PeerId peer, const Link& link) const {
  const auto it = tried_.find(peer);
  return it != tried_.end() && it->second.boot == link.boot && it->second.failures >= kFailuresMax;
}

void StateCopy::seek() {
  if (shell_.phase != Phase::kJoining || copy_) return;
  core::PeerId chosen;
  std::uint64_t eligible = 0;
  for (const auto& [id, link] : links_.all()) {
    if (!may_donate(link) || given_up(id, link)) continue;
    const auto it = tried_.find(id);
    if (it != tried_.end() && shell_.now < it->second.not_before) continue;
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
      std::any_of(links_.all().begin(), links_.all().end(), [this](const auto& entry) {
        return may_donate(entry.second) && !given_up(entry.first, entry.second);
      });
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
  links_.send(copy_->donor, wire::StateRequest{copy_->snapshot, copy_->bytes.size()});
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
  links_.send(copy_->donor, wire::Refuse{0, why.substr(0, wire::kAddressMax)});
  leave_donor(why);
}

void StateCopy::on_request_timer(const Timer& timer) {
  if (!Timers::fired(request_timer_, timer) || shell_.phase != Phase::kJoining) return;
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

/// The parameters, an optimizer's arrays as long as they are, and what stands around them.
std::uint64_t StateCopy::size_max() const {
  const std::uint64_t array = shell_.schema.parameters() * sizeof(float);
  return (1 + shell_.config.optimizer_arrays_max) * array + shell_.config.state_extra_max;
}

void StateCopy::on_chunk(const wire::Header& header, const wire::StateChunk& chunk,
                         const core::Payload& payload) {
  if (!copy_ || copy_->whole || header.src != copy_->donor) return;
  const std::size_t size = payload ? payload->size() : 0;
  if (chunk.total == 0) {
    if (chunk.snapshot == copy_->snapshot) leave_donor("it has no state, or no longer");
    return;
  }
  if (copy_->snapshot == 0 && chunk.offset == 0) {
    if (chunk.total > size_max()) {
      return give_up_donor(fmt::format("its state: {} B > {} B that {} can have", chunk.total,
                                       size_max(), shell_.schema.model()));
    }
    if (chunk.step > header.step) {
      return give_up_donor(
          fmt::format("its state: of step {}, though it is at {}", chunk.step, header.step));
    }
    copy_->snapshot = chunk.snapshot;
    copy_->total = chunk.total;
    copy_->step = chunk.step;
    copy_->crc = chunk.crc;
  }
  if (chunk.snapshot != copy_->snapshot || chunk.offset != copy_->bytes.size()) return;  // a repeat
  if (size == 0 || chunk.total != copy_->total || size > copy_->total - copy_->bytes.size()) {
    return leave_donor("its state came in wrong pieces");
  }
  copy_->bytes.insert(copy_->bytes.end(), payload->begin(), payload->end());
  heard_ = shell_.now;
  copy_->tries = 0;
  copy_->backoff /= 2;  // the next wait is as long as the one that was long enough
  if (copy_->bytes.size() < copy_->total) return request();
  if (core::crc32c(copy_->bytes) != copy_->crc) return leave_donor("its state came damaged");
  copy_->whole = true;
}

std::optional<Work> StateCopy::next_adoption() {
  if (!copy_ || !copy_->whole || copy_->bytes.empty()) return std::nullopt;
  return Adopt{std::move(copy_->bytes)};
}

bool StateCopy::done(const Adopted& result) {
  if (!result.result) {
    give_up_donor("its state does not fit: " + result.result.error().message);
    return false;
  }
  shell_.step = copy_->step;
  copy_.reset();
  tried_.clear();
  return true;
}

}  // namespace murmur::gossip
