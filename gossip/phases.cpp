#include "gossip/phases.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.hpp"

namespace murmur::gossip {

namespace {

/// How long a peer that lingers must have agreed before it leaves, if neighbours ended training
/// after it.
constexpr core::Duration kQuietMin = std::chrono::milliseconds(50);
constexpr core::Duration kQuietMax = std::chrono::seconds(2);

}  // namespace

Phases::Phases(Shell& shell, Links& links, Exchange& exchange)
    : shell_(shell), links_(links), exchange_(exchange) {}

void Phases::enter(Phase phase, std::string message) {
  CHECK_INVARIANT(phase > shell_.phase);
  shell_.phase = phase;
  began_ = shell_.now;
  if (phase == Phase::kTraining) {
    training_began_ = shell_.now;
    waiting_ = shell_.config.wait_for > 0 && shell_.config.rule != Rule::kNone;
  }
  if (phase == Phase::kSettling) exchange_.forget_agreement();
  shell_.report(PhaseReport{phase, std::move(message)});
  if (phase == Phase::kDone) {
    exchange_.drop_serving();
    shell_.counters.unreceipted = exchange_.unreceipted();
    links_.say_goodbye();
  } else {
    links_.announce();
  }
}

void Phases::wake_at(core::Instant at) {
  shell_.timers.arm(timer_, {at, TimerKind::kPhase, {}, 0});
}

void Phases::advance(bool lane_busy, bool saved) {
  const Config& config = shell_.config;
  // While the lane works, what becomes of it is not known: a stop may come while adopting.
  if (shell_.phase == Phase::kJoining && stopping_ && !lane_busy) {
    shell_.fail("stopped before it had any parameters");
  }
  if (shell_.failure && shell_.phase != Phase::kDone && !lane_busy) return enter(Phase::kDone);
  if (shell_.phase == Phase::kTraining && still_waiting()) return;
  if (shell_.phase == Phase::kTraining && training_over()) {
    const bool settles = config.rule != Rule::kNone && config.settle_max.count() > 0 && !at_once_;
    enter(settles ? Phase::kSettling : Phase::kLingering);
  } else if (shell_.phase == Phase::kTraining && config.duration_max.count() > 0) {
    wake_at(training_began_ + config.duration_max);
  }
  if (shell_.phase >= Phase::kSettling) {
    if (ended_ != links_.training_ended()) {
      ended_ = links_.training_ended();
      exchange_.forget_agreement();
    }
    if (!agreed()) differed_ = shell_.now;
  }
  if (shell_.phase == Phase::kSettling) {
    if (at_once_ || agreed()) {
      agreed_once_ = true;
      enter(Phase::kLingering, settled_with());
    } else if (shell_.now - began_ >= config.settle_max) {
      enter(Phase::kLingering, fmt::format("not settled within {} s: {}",
                                           core::seconds(config.settle_max), furthest()));
    } else {
      wake_at(began_ + config.settle_max);
    }
  }
  if (shell_.phase == Phase::kLingering && !lane_busy) {
    if (may_leave()) {
      if (saved) enter(Phase::kDone, missing());
      return;
    }
    if (moved_again()) wake_at(settled_at());
    if (shell_.now - began_ < config.linger) wake_at(began_ + config.linger);
  }
}

// ---- training --------------------------------------------------------------------------------

/// The clock of training starts when the waiting for company ends.
bool Phases::still_waiting() {
  if (!waiting_) return false;
  const core::Duration waited = shell_.now - began_;
  if (links_.up().size() < shell_.config.wait_for && waited < shell_.config.wait_max &&
      !stopping_) {
    wake_at(began_ + shell_.config.wait_max);
    return true;
  }
  waiting_ = false;
  training_began_ = shell_.now;
  return false;
}

bool Phases::training_over() const {
  const Config& config = shell_.config;
  return stopping_ || (config.steps_max > 0 && shell_.step >= config.steps_max) ||
         (config.duration_max.count() > 0 && shell_.now - training_began_ >= config.duration_max);
}

// ---- settling --------------------------------------------------------------------------------

/// The last exchanges with distinct neighbours all found almost nothing to exchange, and so did the
/// last one of every shard: each side has an order of its own, so that one shard may come twice in
/// a row while the others still differ.
bool Phases::agreed() const {
  const Agreement& agreement = exchange_.agreement();
  const std::size_t recent = agreement.recent().size();
  if (!agreement.recent_near()) return false;
  const bool every_shard = agreement.shards_near();
  if (recent >= shell_.config.settle_distinct) return every_shard;
  if (links_.up().empty()) return true;
  const auto partners = static_cast<std::size_t>(std::count_if(
      links_.up().begin(), links_.up().end(),
      [this](core::PeerId peer) { return exchange_.may_mix_with(*links_.find(peer)); }));
  return partners > 0 && recent >= partners && every_shard;
}

/// A neighbour that ends training later, or agrees later, may move a peer that has agreed: then it
/// offers again, for as long as settling may take, and for a while after it agrees again: whom the
/// newcomer moved has to come by, and finds nobody to agree with if the others have left.
bool Phases::moved_again() const {
  return shell_.phase == Phase::kLingering && !at_once_ && shell_.now < settled_at();
}

core::Instant Phases::settled_at() const {
  const core::Instant until = settling_until();
  return agreed() ? std::min(differed_ + quiet(), until) : until;
}

core::Duration Phases::quiet() const {
  constexpr int kAnswers = 20;
  return std::clamp<core::Duration>(kAnswers * exchange_.answer_time(), kQuietMin, kQuietMax);
}

core::Instant Phases::settling_until() const {
  core::Instant until = agreed_once_ ? began_ + shell_.config.settle_max : began_;
  if (const auto ended = links_.training_ended()) {
    until = std::max(until, *ended + shell_.config.settle_max);
  }
  return until;
}

/// In words, how far apart the last exchanges found this peer and its neighbours.
std::string Phases::furthest() const {
  const auto& recent = exchange_.agreement().recent();
  const auto far = std::max_element(
      recent.begin(), recent.end(),
      [](const Agreement::Ratio& a, const Agreement::Ratio& b) { return a.ratio < b.ratio; });
  if (far == recent.end()) return "nobody to exchange with";
  return fmt::format("{} last was {:.1e} away", core::short_name(far->peer), far->ratio);
}

/// Nothing to say if it was with neighbours, or there never were any.
std::string Phases::settled_with() const {
  const auto left = static_cast<std::size_t>(
      std::count_if(links_.all().begin(), links_.all().end(),
                    [](const auto& entry) { return entry.second.boot != 0 && entry.second.gone; }));
  if (left == 0 || at_once_ || !exchange_.agreement().recent().empty()) return {};
  return fmt::format("settled with nobody: {} peer{} had left", left, left == 1 ? "" : "s");
}

// ---- lingering -------------------------------------------------------------------------------

bool Phases::neighbours_settled() const {
  return std::all_of(links_.all().begin(), links_.all().end(), [this](const auto& entry) {
    const Link& link = entry.second;
    const bool of_another_draw = link.lineage != 0 && !shell_.lineages.is_own(link.lineage);
    return !link.up || of_another_draw || link.phase >= Phase::kLingering;
  });
}

/// An own offer in flight may yet be answered by a transfer, which would be lost.
bool Phases::nothing_to_wait_for() const {
  return neighbours_settled() && !exchange_.owed_receipts() && !exchange_.offering() &&
         !moved_again();
}

/// Who else has not come to its end, as far as is known here; empty: all have.
std::string Phases::missing() const {
  constexpr std::size_t kNamed = 4;
  std::string names;
  std::size_t count = 0;
  for (const auto& [id, link] : links_.all()) {
    const bool trains = link.phase == Phase::kTraining || link.phase == Phase::kSettling;
    if (link.boot == 0 || link.gone || !trains || ++count > kNamed) continue;
    names += fmt::format(
        "{}{} ({} at step {}{})", names.empty() ? "" : ", ", core::short_name(id),
        to_string(link.phase), link.step,
        link.up ? ""
                : fmt::format(", silent for {:.1f} s", core::seconds(shell_.now - link.heard)));
  }
  if (count == 0) return {};
  if (count > kNamed) names += fmt::format(" and {} more", count - kNamed);
  return fmt::format("ended at step {} without {}; {}", shell_.step, names, furthest());
}

bool Phases::may_leave() const {
  return shell_.phase == Phase::kLingering && exchange_.queued() == 0 &&
         (at_once_ || shell_.now - began_ >= shell_.config.linger ||
          shell_.config.rule == Rule::kNone || nothing_to_wait_for());
}

}  // namespace murmur::gossip
