#include "gossip/run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.hpp"
#include "gossip/snapshot.hpp"

namespace murmur::gossip {
namespace {

constexpr int kMixingsInARow = 4;
constexpr double kEvaluationShare = 0.02;  // of the lane's time
constexpr core::Duration kEvaluationEvery = std::chrono::milliseconds(500);
constexpr core::Duration kSettleRetry = std::chrono::milliseconds(20);

}  // namespace

Run::Run(Shell& shell, Links& links, Exchange& exchange, StateCopy& copy, Edges& edges)
    : shell_(shell), links_(links), exchange_(exchange), copy_(copy), edges_(edges) {}

void Run::start(bool resumed, std::uint64_t step_adopted) {
  step_adopted_ = step_adopted;
  next_save_ = shell_.now + shell_.config.save_every;
  // Only a peer with nobody to copy from draws its parameters; two draws averaged are two ruined.
  const bool copies = !resumed && !shell_.config.join.empty() && shell_.config.rule != Rule::kNone;
  if (!copies) enter(Phase::kTraining);
}

void Run::stop() { stopping_ = true; }

// ---- phases ----------------------------------------------------------------------------------

void Run::enter(Phase phase, std::string message) {
  shell_.phase = phase;
  phase_began_ = shell_.now;
  if (phase == Phase::kTraining) {
    training_began_ = shell_.now;
    waiting_ = shell_.config.wait_for > 0 && shell_.config.rule != Rule::kNone;
    next_offer_step_ = shell_.step + pace_.exchange_every(shell_.config);
    next_evaluation_step_ = shell_.step + shell_.config.eval_every;
    next_evaluation_ = shell_.now + kEvaluationEvery / 2;
  }
  if (phase == Phase::kSettling) exchange_.forget_agreement();
  shell_.report(PhaseReport{phase, std::move(message)});
  if (phase == Phase::kDone) {
    exchange_.drop_serving();
    links_.say_goodbye();
  } else if (phase != Phase::kJoining) {
    links_.announce();
  }
}

void Run::wake_at(core::Instant at) { shell_.timers.arm(run_timer_, {at, TimerKind::kRun, {}, 0}); }

/// The clock of training starts when the waiting for company ends.
bool Run::still_waiting() {
  if (!waiting_) return false;
  const core::Duration waited = shell_.now - phase_began_;
  if (links_.up().size() < shell_.config.wait_for && waited < shell_.config.wait_max &&
      !stopping_) {
    wake_at(phase_began_ + shell_.config.wait_max);
    return true;
  }
  waiting_ = false;
  training_began_ = shell_.now;
  return false;
}

bool Run::training_over() const {
  const Config& config = shell_.config;
  return stopping_ || (config.steps_max > 0 && shell_.step >= config.steps_max) ||
         (config.duration_max.count() > 0 && shell_.now - training_began_ >= config.duration_max);
}

/// The last exchanges with distinct neighbours all found almost nothing to exchange, and so did the
/// last one of every shard: both sides count through the shards, each on its own, so that one shard
/// may come twice in a row while the others still differ.
bool Run::agreed() const {
  const double bound = shell_.config.settle_bound;
  const Agreement& agreement = exchange_.agreement();
  const std::size_t recent = agreement.recent().size();
  if (!agreement.recent_below(bound)) return false;
  const bool every_shard = agreement.shards_below(bound);
  if (recent >= shell_.config.settle_distinct) return every_shard;
  if (links_.up().empty()) return true;
  const auto partners = static_cast<std::size_t>(std::count_if(
      links_.up().begin(), links_.up().end(),
      [this](core::PeerId peer) { return exchange_.may_mix_with(links_.find(peer)->phase); }));
  return partners > 0 && recent >= partners && every_shard;
}

bool Run::neighbours_settled() const {
  return std::all_of(links_.all().begin(), links_.all().end(), [](const auto& entry) {
    return !entry.second.up || entry.second.phase >= Phase::kLingering;
  });
}

/// A neighbour that ends training later, or agrees later, may move a peer that has agreed: then it
/// offers again, for as long as settling may take.
bool Run::moved_again() const {
  return shell_.phase == Phase::kLingering && !stopping_ && !agreed() &&
         shell_.now < settling_until();
}

core::Instant Run::settling_until() const {
  core::Instant until = agreed_once_ ? phase_began_ + shell_.config.settle_max : phase_began_;
  if (const auto ended = links_.training_ended()) {
    until = std::max(until, *ended + shell_.config.settle_max);
  }
  return until;
}

/// An own offer in flight may yet be answered by a transfer, which would be lost.
bool Run::nothing_to_wait_for() const {
  return neighbours_settled() && !exchange_.owed_receipts() && !exchange_.offering() &&
         !moved_again();
}

void Run::change_phase() {
  const Config& config = shell_.config;
  if (shell_.phase == Phase::kJoining && stopping_) return enter(Phase::kDone);
  if (shell_.phase == Phase::kTraining && still_waiting()) return;
  if (shell_.phase == Phase::kTraining && training_over()) {
    const bool settles = config.rule != Rule::kNone && config.settle_max.count() > 0 && !stopping_;
    enter(settles ? Phase::kSettling : Phase::kLingering);
  } else if (shell_.phase == Phase::kTraining && config.duration_max.count() > 0) {
    wake_at(training_began_ + config.duration_max);
  }
  if (shell_.phase == Phase::kSettling) {
    if (stopping_ || agreed()) {
      agreed_once_ = true;
      enter(Phase::kLingering);
    } else if (shell_.now - phase_began_ >= config.settle_max) {
      enter(Phase::kLingering,
            fmt::format("not settled within {} s", core::seconds(config.settle_max)));
    } else {
      wake_at(phase_began_ + config.settle_max);
    }
  }
  if (shell_.phase == Phase::kLingering && !busy_) {
    const bool waited = shell_.now - phase_began_ >= config.linger;
    const bool over = config.rule == Rule::kNone || nothing_to_wait_for();
    if (!(over || waited || stopping_) || exchange_.queued() > 0) {
      if (moved_again()) wake_at(settling_until());
      if (!waited) wake_at(phase_began_ + config.linger);
      return;
    }
    if (config.save_every.count() == 0 || final_save_done_) enter(Phase::kDone);
  }
}

void Run::advance() {
  change_phase();
  if (busy_ || shell_.phase == Phase::kDone) return;
  auto work = choose();
  if (!work) return;
  busy_ = true;
  shell_.effects.emplace_back(std::in_place_type<Work>, *std::move(work));
}

// ---- the lane --------------------------------------------------------------------------------

std::optional<Work> Run::choose() {
  const bool training = shell_.phase == Phase::kTraining && !waiting_;
  if (shell_.phase == Phase::kJoining) return copy_.next_adoption();
  if (shell_.config.rule != Rule::kNone) {
    if (training && shell_.step >= next_offer_step_) {
      exchange_.begin_offer();
      next_offer_step_ = shell_.step + pace_.exchange_every(shell_.config);
    }
    const bool settling = shell_.phase == Phase::kSettling || moved_again();
    if (settling && !exchange_.begin_offer()) {
      shell_.timers.arm(settle_timer_, {shell_.now + kSettleRetry, TimerKind::kSettle, {}, 0});
    }
    if (!training || mixings_in_a_row_ < kMixingsInARow) {
      if (auto work = exchange_.next_work()) {
        ++mixings_in_a_row_;
        return work;
      }
    }
  }
  if (auto work = copy_.next_snapshot()) return work;
  if (training && evaluation_due()) return Evaluate{};
  if (save_due()) return save();
  return training ? choose_training() : std::nullopt;
}

std::optional<Work> Run::choose_training() {
  const Config& config = shell_.config;
  mixings_in_a_row_ = 0;
  std::uint64_t steps = pace_.slice_steps(config.train_slice);
  if (config.rule != Rule::kNone) steps = std::min(steps, next_offer_step_ - shell_.step);
  if (config.steps_max > 0) steps = std::min(steps, config.steps_max - shell_.step);
  if (config.eval_every > 0) steps = std::min(steps, next_evaluation_step_ - shell_.step);
  return Train{static_cast<std::uint32_t>(std::max<std::uint64_t>(steps, 1))};
}

bool Run::evaluation_due() const {
  if (shell_.config.eval_every > 0) return shell_.step >= next_evaluation_step_;
  return shell_.now >= next_evaluation_;
}

bool Run::save_due() const {
  if (shell_.config.save_every.count() == 0) return false;
  // The last one is taken when nothing will change any more.
  const bool ending = shell_.phase == Phase::kLingering && !final_save_done_;
  const bool last =
      ending && exchange_.queued() == 0 &&
      (stopping_ || nothing_to_wait_for() || shell_.now - phase_began_ >= shell_.config.linger);
  return last || shell_.now >= next_save_;
}

Work Run::save() {
  final_save_done_ = false;
  return Save{write_snapshot(
      {shell_.self.id, shell_.schema_hash, shell_.step, step_adopted_, links_.all(), edges_})};
}

void Run::on_done(WorkDone& event) {
  CHECK_INVARIANT(busy_);
  busy_ = false;
  std::visit([&](auto& r) { done(r, event.took); }, event.result);
}

void Run::done(const Trained& result, core::Duration took) {
  shell_.step += result.steps;
  pace_.step.add(static_cast<double>(took.count()) / result.steps);
  shell_.report(TrainReport{shell_.step, result.steps, result.stats});
}

void Run::done(const OfferMade& result, core::Duration took) {
  pace_.offer.add(static_cast<double>(took.count()));
  exchange_.done(result);
}

void Run::done(Responded& result, core::Duration took) {
  final_save_done_ = false;
  pace_.respond.add(static_cast<double>(took.count()));
  exchange_.done(result);
}

void Run::done(const Absorbed& result, core::Duration took) {
  final_save_done_ = false;
  pace_.absorb.add(static_cast<double>(took.count()));
  exchange_.done(result);
}

void Run::done(const Evaluated& result, core::Duration took) {
  next_evaluation_step_ = shell_.step + shell_.config.eval_every;
  const auto rest = std::chrono::duration_cast<core::Duration>(took / kEvaluationShare);
  next_evaluation_ = shell_.now + std::max(kEvaluationEvery, rest);
  shell_.report(EvaluationReport{shell_.step, result.evaluation});
}

void Run::done(const Saved& result, core::Duration) {
  next_save_ = shell_.now + shell_.config.save_every;
  final_save_done_ = shell_.phase == Phase::kLingering;
  shell_.report(SaveReport{shell_.step, result.result});
}

void Run::done(const SnapshotTaken& result, core::Duration) { copy_.done(result); }

void Run::done(const Adopted& result, core::Duration) {
  if (!copy_.done(result)) return;
  step_adopted_ = shell_.step;
  enter(Phase::kTraining);
}

}  // namespace murmur::gossip
