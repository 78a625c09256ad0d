#include "gossip/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/check.hpp"
#include "core/duration.hpp"
#include "gossip/saved_state.hpp"

namespace murmur::gossip {
namespace {

constexpr int kMixingsInARow = 4;
constexpr core::Duration kEvaluationEvery = std::chrono::milliseconds(500);
constexpr core::Duration kSettleRetry = std::chrono::milliseconds(20);

/// How far apart works that take `took` must lie so as to take no more than `share` of the lane.
core::Duration spaced(core::Duration took, double share) {
  return std::chrono::duration_cast<core::Duration>(took / share);
}

}  // namespace

Run::Run(Shell& shell, Links& links, Exchange& exchange, StateCopy& copy, Donor& donor,
         Edges& edges)
    : shell_(shell),
      links_(links),
      exchange_(exchange),
      copy_(copy),
      donor_(donor),
      edges_(edges),
      phases_(shell, links, exchange) {}

void Run::start(bool resumed, std::uint64_t step_adopted) {
  step_adopted_ = step_adopted;
  next_save_ = shell_.now + shell_.config.save_every;
  // Only a peer with nobody to copy from draws its parameters; two draws averaged are two ruined.
  const bool copies = !resumed && !shell_.config.join.empty() && shell_.config.rule != Rule::kNone;
  if (copies) return;
  if (shell_.lineages.own() == 0) shell_.lineages.enter(shell_.rng.next() | 1, shell_.step);
  begin_training();
}

void Run::begin_training() {
  phases_.begin_training();
  pace_anew();
}

void Run::pace_anew() {
  next_offer_step_ = shell_.step + pace_.exchange_every(shell_.config);
  next_evaluation_step_ = shell_.step + shell_.config.eval_every;
  next_evaluation_ = shell_.now + kEvaluationEvery / 2;
}

void Run::advance() {
  if (shell_.phase == Phase::kJoining && !busy_) {
    if (auto why = copy_.hopeless()) shell_.fail(std::move(*why));
    // Past that, what there is to wait for has timers of its own.
    if (const auto at = copy_.gives_up_at(); at > shell_.now) phases_.wake_at(at);
  }
  phases_.advance(busy_, nothing_to_save());
  if (busy_ || shell_.phase == Phase::kDone) return;
  auto work = choose();
  if (!work) return;
  busy_ = true;
  shell_.effects.emplace_back(std::in_place_type<Work>, *std::move(work));
}

// ---- the lane --------------------------------------------------------------------------------

std::optional<Work> Run::choose() {
  const bool training = phases_.trains();
  if (boot_to_pass_ >= shell_.self.boot) return RaiseBoot{boot_to_pass_};
  if (auto adoption = copy_.next_adoption()) {
    if (shell_.lineages.own() != 0) {
      adoption->instead = {fmt::format("dropped-{:016x}", shell_.lineages.own()), protocol(),
                           shell_.self.boot};
    }
    return *std::move(adoption);
  }
  if (shell_.phase == Phase::kJoining) return std::nullopt;
  if (shell_.config.rule != Rule::kNone) {
    if (training && shell_.step >= next_offer_step_) {
      exchange_.begin_offer();
      next_offer_step_ = shell_.step + pace_.exchange_every(shell_.config);
    }
    if (phases_.settles() && !exchange_.offering()) settle();
    if (!training || mixings_in_a_row_ < kMixingsInARow) {
      if (auto work = exchange_.next_work()) {
        ++mixings_in_a_row_;
        return work;
      }
    }
  }
  if (auto work = donor_.next_snapshot()) return work;
  if (training && evaluation_due()) return Evaluate{};
  if (save_due()) return save();
  return training ? choose_training() : std::nullopt;
}

void Run::settle() {
  if (shell_.now >= next_settle_) {
    next_settle_ = shell_.now + (exchange_.begin_offer() ? settle_gap(exchange_.answer_time(),
                                                                      exchange_.agreement().count(),
                                                                      shell_.rng.uniform())
                                                         : kSettleRetry);
  }
  shell_.timers.arm(settle_timer_, {next_settle_, TimerKind::kSettle, {}, 0});
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
  if (final_save_failed_ > 0 && shell_.now < next_save_) return false;
  // The last one is taken when nothing will change any more.
  return (phases_.may_leave() && !nothing_to_save()) || shell_.now >= next_save_;
}

/// Nothing has changed since the last checkpoint, or none is wanted, or it cannot be had.
bool Run::nothing_to_save() const {
  return shell_.config.save_every.count() == 0 || final_save_done_ ||
         final_save_failed_ >= shell_.config.save_tries_max;
}

Work Run::save() {
  final_save_done_ = false;
  saving_last_ = phases_.may_leave();
  for (auto& [id, edge] : edges_) edge.saving();
  return Save{protocol()};
}

core::Bytes Run::protocol() const {
  return write_saved_state({shell_.self.id, shell_.schema_hash, shell_.step, step_adopted_,
                            shell_.lineages, links_.all(), edges_});
}

void Run::on_done(WorkDone& event) {
  CHECK_INVARIANT(busy_);
  busy_ = false;
  std::visit([&](auto& r) { done(r, event.took); }, event.result);
}

void Run::done(const Trained& result, core::Duration took) {
  shell_.step += result.steps;
  shell_.lineages.heard(shell_.lineages.own(), shell_.step);
  pace_.step.add(static_cast<double>(took.count()) / result.steps);
  shell_.report(TrainReport{shell_.step, result.steps, result.stats});
  if (!result.stats.finite || !std::isfinite(result.stats.loss)) {
    // What cannot be mended must not spread: nothing of it is saved, offered or given any more.
    const double loss = result.stats.loss;
    shell_.fail(fmt::format("diverged at step {}: training loss {}", shell_.step,
                            std::isnan(loss) ? "nan"
                            : std::isinf(loss)
                                ? "inf"
                                : fmt::format("{:.4g}, but not every parameter is finite", loss)));
  }
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
  next_evaluation_ =
      shell_.now + std::max(kEvaluationEvery, spaced(took, shell_.config.evaluation_share_max));
  shell_.report(EvaluationReport{shell_.step, result.evaluation});
}

void Run::done(const Saved& result, core::Duration took) {
  const Config& config = shell_.config;
  const core::Duration apart = spaced(took, config.save_share_max);
  next_save_ = shell_.now + std::max(config.save_every, apart);
  if (apart > config.save_every && !said_saves_are_rare_) {
    said_saves_are_rare_ = true;
    shell_.report(NoticeReport{fmt::format(
        "a checkpoint takes {:.3g} s: one every {:.3g} s, not every {}", core::seconds(took),
        core::seconds(apart), core::to_string(config.save_every))});
  }
  for (auto& [id, edge] : edges_) edge.saved(result.result.has_value());
  unsaved_ = result.result ? std::string() : result.result.error().message;
  final_save_done_ = shell_.phase == Phase::kLingering && result.result;
  if (saving_last_ && !result.result) {
    ++final_save_failed_;
    next_save_ = shell_.now + shell_.back_off(final_save_backoff_);
    phases_.wake_at(next_save_);
  } else {
    final_save_failed_ = 0;
  }
  shell_.report(SaveReport{shell_.step, result.result});
}

void Run::done(const SnapshotTaken& result, core::Duration took) { donor_.done(result, took); }

void Run::done(const Adopted& result, core::Duration) {
  const core::Lineage before = shell_.lineages.own();
  const std::uint64_t step = shell_.step;
  if (!copy_.done(result)) return;
  step_adopted_ = shell_.step;
  if (before == 0) return begin_training();
  shell_.report(
      NoticeReport{fmt::format("lineage {:016x} at step {} has yielded to {:016x}: this peer goes "
                               "on from step {} of that{}{}",
                               before, step, shell_.lineages.own(), shell_.step,
                               result.words.empty() ? "" : "; ", result.words)});
  reborn(result.boot, true);
}

void Run::done(const BootRaised& result, core::Duration) {
  const core::Boot newest = std::exchange(boot_to_pass_, 0);
  if (!result.boot) {
    return shell_.fail(
        fmt::format("neighbours know this peer's boot {}, and none past it can be "
                    "counted: {}",
                    newest, result.boot.error().message));
  }
  shell_.report(NoticeReport{
      fmt::format("this state is older than what neighbours know, boot {}: goes on as boot {}",
                  newest, *result.boot)});
  reborn(*result.boot, false);
}

void Run::reborn(core::Boot boot, bool of_another_draw) {
  shell_.self.boot = boot;
  exchange_.reborn(of_another_draw);
  links_.reborn();
  final_save_done_ = false;
  next_save_ = shell_.now;
  pace_anew();
}

}  // namespace murmur::gossip
