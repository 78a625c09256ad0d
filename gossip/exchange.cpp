#include "gossip/exchange.hpp"

#include <algorithm>

#include "core/check.hpp"
#include "gossip/staleness.hpp"

namespace murmur::gossip {
namespace {

constexpr int kDraws = 4;
constexpr core::ShardId kShardsTried = 4;
constexpr double kStalenessSmoothing = 0.1;

std::uint64_t difference(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : b - a; }

}  // namespace

Exchange::Exchange(Shell& shell, Links& links, Edges& edges)
    : shell_(shell),
      links_(links),
      edges_(edges),
      outbox_(shell, links, edges),
      turns_(shell.schema.shards()),
      agreement_(shell.schema.shards(), shell.config.settle_distinct, shell.config.settle_bound) {}

// ---- initiating ------------------------------------------------------------------------------

bool Exchange::begin_offer() {
  // Offers in flight while nothing trains hold the same parameters, and the staleness in steps does
  // not damp their answers: with two, small fleets circle each other.
  const std::size_t max = shell_.phase == Phase::kTraining ? shell_.config.offers_max : 1;
  if (own_.size() >= max || shell_.schema.shards() == 0) return true;
  core::PeerId chosen;
  const core::ShardId tries = std::min(shell_.schema.shards(), kShardsTried);
  for (core::ShardId tried = 0; tried < tries && !chosen; ++tried) {
    const core::ShardId shard = turns_.next(shell_.rng);
    chosen = draw_neighbour(shard);
    if (chosen) own_.push_back({chosen, {}, shard, 0, {}, {}, OwnOffer::Stage::kChosen});
  }
  return !own_.empty();
}

/// Uniform over those that `shard` may be offered to: a few draws usually find one, else look at
/// all.
core::PeerId Exchange::draw_neighbour(core::ShardId shard) {
  const std::vector<core::PeerId>& up = links_.up();
  for (int draw = 0; draw < kDraws && !up.empty(); ++draw) {
    const core::PeerId peer = up[shell_.rng.below(up.size())];
    if (may_offer_to(peer, shard)) return peer;
  }
  std::uint64_t eligible = 0;
  for (const core::PeerId peer : up) eligible += may_offer_to(peer, shard) ? 1 : 0;
  if (eligible == 0) return {};
  std::uint64_t skip = shell_.rng.below(eligible);
  for (const core::PeerId peer : up) {
    if (may_offer_to(peer, shard) && skip-- == 0) return peer;
  }
  return {};
}

/// Those that train mix with each other, and those that have ended training: one that trains on
/// alone would draw a fleet that no longer does towards its own part of the data. Never those of
/// two draws of parameters.
bool Exchange::may_mix_with(Phase phase, core::Lineage lineage) const {
  const auto mixes = [](Phase p) { return p != Phase::kJoining && p != Phase::kDone; };
  return mixes(phase) && mixes(shell_.phase) && shell_.lineages.is_own(lineage) &&
         (phase == Phase::kTraining) == (shell_.phase == Phase::kTraining);
}

/// It mixes, and has not asked to be left alone; there is room in the window; and this shard is not
/// on its way between the two already: what is half way there would be subtracted twice.
bool Exchange::may_offer_to(core::PeerId peer, core::ShardId shard) const {
  const Link& link = links_.all().at(peer);
  if (!may_mix_with(link) || mixing(peer, shard)) return false;
  const auto out = std::count_if(own_.begin(), own_.end(),
                                 [peer](const OwnOffer& own) { return own.to == peer; });
  // Where two have more shards on their way to each other than there are, their offers cross.
  const std::size_t apart = std::max<std::size_t>(1, shell_.schema.shards() / 2);
  if (static_cast<std::size_t>(out) >= std::min(shell_.config.window, apart)) return false;
  if (std::any_of(own_.begin(), own_.end(),
                  [&](const OwnOffer& own) { return own.to == peer && own.shard == shard; })) {
    return false;
  }
  const auto it = standing_.find(peer);
  return it == standing_.end() || it->second.not_before <= shell_.now;
}

/// Of that shard, an offer of `peer` is being served, or it is owed a transfer.
bool Exchange::mixing(core::PeerId peer, core::ShardId shard) const {
  const auto is = [&](const Serve& s) { return s.from == peer && s.work.shard == shard; };
  if (const auto* serve = std::get_if<Serve>(&in_lane_); serve != nullptr && is(*serve))
    return true;
  if (std::any_of(serve_queue_.begin(), serve_queue_.end(), is)) return true;
  const auto it = edges_.find(peer);
  return it != edges_.end() && it->second.owes(shard);
}

/// Offers of `peer` being served, and transfers owed to it.
std::size_t Exchange::unreceipted_to(core::PeerId peer) const {
  const auto is = [peer](const Serve& s) { return s.from == peer; };
  auto count =
      static_cast<std::size_t>(std::count_if(serve_queue_.begin(), serve_queue_.end(), is));
  if (const auto* serve = std::get_if<Serve>(&in_lane_); serve != nullptr && is(*serve)) ++count;
  const auto it = edges_.find(peer);
  return it == edges_.end() ? count : count + it->second.outbox().size();
}

void Exchange::done(const OfferMade& result) {
  const auto making = std::get<OwnOffer>(in_lane_);
  in_lane_ = std::monostate{};
  const auto own = std::find_if(own_.begin(), own_.end(), [&](const OwnOffer& o) {
    return o.to == making.to && o.stage == OwnOffer::Stage::kMaking;
  });
  if (own == own_.end()) return;  // withdrawn meanwhile
  own->id = edges_[own->to].offer(shell_.self.boot);
  own->stage = OwnOffer::Stage::kSent;
  own->deadline = shell_.now + patience_.wait(shell_.config.answer_max);
  past_[past_next_++ % past_.size()] = {own->to, own->id, own->step, own->made};
  ++shell_.counters.offers_made;
  const auto expected = std::min(expected_staleness_, 1e9);
  links_.send(own->to,
              wire::Offer{own->id, own->shard, static_cast<std::uint32_t>(expected + 0.5),
                          wire::parameters(result.codec, result.payload)},
              result.payload);
  shell_.timers.arm(offer_timer_, {own->deadline, TimerKind::kOffer, {}, 0});
}

const Exchange::Past* Exchange::find_past(core::PeerId to, core::OfferId id) const {
  const auto it = std::find_if(past_.begin(), past_.end(),
                               [&](const Past& p) { return p.to == to && p.id == id; });
  return it == past_.end() ? nullptr : &*it;
}

/// An answer came to one of our offers, late or not: it is no longer in flight, if it was.
bool Exchange::answered(core::PeerId by, core::OfferId id) {
  const auto own = std::find_if(own_.begin(), own_.end(), [&](const OwnOffer& o) {
    return o.to == by && o.id == id && o.stage == OwnOffer::Stage::kSent;
  });
  if (own == own_.end()) return false;
  patience_.answered(shell_.now - own->made);
  standing_[by].unanswered = 0;
  own_.erase(own);
  return true;
}

/// One answer may be lost. From the second in a row on the neighbour is left alone for a while,
/// twice as long each time.
void Exchange::wait_for(Standing& silent) {
  if (++silent.unanswered < 2) return;
  const auto doublings = std::min(silent.unanswered - 2, 16U);
  const core::Duration wait =
      std::min(shell_.config.retry * (1U << doublings), shell_.config.answer_max);
  silent.not_before = shell_.now + shell_.jitter(wait);
}

void Exchange::on_offer_timer(const Timer& timer) {
  if (!Timers::fired(offer_timer_, timer)) return;
  // Forgetting an offer undoes nothing: if its transfer comes after all, it is applied.
  bool late = false;
  const std::size_t forgotten = std::erase_if(own_, [&](const OwnOffer& o) {
    if (o.stage != OwnOffer::Stage::kSent || o.deadline > shell_.now) return false;
    // Of one that never answers it is known already: that says nothing of how long answers take.
    Standing& silent = standing_[o.to];
    if (silent.unanswered == 0) late = true;
    wait_for(silent);
    return true;
  });
  if (late) patience_.timed_out();
  shell_.counters.offers_timed_out += forgotten;
  for (const OwnOffer& own : own_) {
    if (own.stage != OwnOffer::Stage::kSent) continue;
    shell_.timers.arm(offer_timer_, {own.deadline, TimerKind::kOffer, {}, 0});
  }
}

void Exchange::on_decline(const wire::Header& header, const wire::Decline& decline) {
  if (!answered(header.src, decline.offer)) return;
  ++shell_.counters.declines_received;
  const core::Duration wait = std::chrono::milliseconds(decline.retry_ms);
  standing_[header.src].not_before =
      shell_.now + shell_.jitter(std::min(wait, shell_.config.decline_retry_max));
}

void Exchange::on_transfer(const wire::Header& header, const wire::Transfer& transfer,
                           core::Payload payload) {
  const core::PeerId from = header.src;
  Edge& edge = edges_[from];
  edge.settle(transfer.settled);
  const Session session{shell_.self.boot, header.src_boot};
  const std::optional<Accepted> newest = newest_accepted(from);
  const Edge::Turn turn = edge.turn({transfer.id, transfer.offer}, session, newest);
  if (!in_turn(from, transfer.id, turn)) return;
  Take take{from,
            transfer.id,
            transfer.offer,
            {transfer.shard, transfer.planes.front().codec, std::move(payload), transfer.weight},
            0,
            std::nullopt};
  std::optional<Reject> wrong;
  if (turn == Edge::Turn::kUnasked) {
    wrong = Reject::kUnasked;
  } else if (!fits(transfer.shard, transfer.planes) ||
             !(transfer.weight > 0 && transfer.weight <= 1)) {
    wrong = Reject::kShape;
  }
  // What is decided here must wait its turn as what is decided in the lane does; it comes again.
  if ((wrong && newest) || accepted(from) >= shell_.config.window) {
    ++shell_.counters.transfers_early;
    return;
  }
  if (wrong != Reject::kUnasked) answered(from, transfer.offer);
  if (wrong) return refuse(take, *wrong);
  const Past* past = find_past(from, transfer.offer);
  if (past != nullptr) take.since = {past->step, past->made};
  take.lag = difference(past != nullptr ? past->step : shell_.step, transfer.step);
  absorb_queue_.push_back(std::move(take));
}

/// Whether it is to be decided on; repeats are receipted, and what cannot have been made is
/// dropped.
bool Exchange::in_turn(core::PeerId from, core::TransferId id, Edge::Turn turn) {
  switch (turn) {
    case Edge::Turn::kRepeat:
      ++shell_.counters.transfers_duplicate;
      send_receipt(from, id);
      return false;
    case Edge::Turn::kWaiting:  // its receipt is still to come
      ++shell_.counters.transfers_duplicate;
      return false;
    case Edge::Turn::kEarly:
      ++shell_.counters.transfers_early;
      return false;
    case Edge::Turn::kOutOfTurn:
      shell_.reject(Reject::kOutOfTurn);
      return false;
    case Edge::Turn::kNext:
    case Edge::Turn::kUnasked:
      break;
  }
  if (edges_[from].may_take()) return true;
  ++shell_.counters.transfers_early;
  return false;
}

/// It was made, or is said to have been, and will not be applied here.
void Exchange::refuse(const Take& take, Reject reason) {
  shell_.reject(reason);
  ++shell_.counters.transfers_refused;
  edges_[take.from].take({take.id, true, {}}, take.offer);
  send_receipt(take.from, take.id);
}

void Exchange::on_void(const wire::Header& header, const wire::Void& voided) {
  const core::PeerId from = header.src;
  Edge& edge = edges_[from];
  if (newest_accepted(from)) return;  // which comes first; this comes again
  const Session session{shell_.self.boot, header.src_boot};
  if (!in_turn(from, voided.id, edge.turn(voided.id, session))) return;
  edge.take_void(voided.id);
  ++shell_.counters.transfers_voided;
  send_receipt(from, voided.id);
}

void Exchange::done(const Absorbed& result) {
  const Take take = std::get<Take>(std::move(in_lane_));
  in_lane_ = std::monostate{};
  Decided decided{take.id, !result.mix, {}};
  if (result.mix) decided.shares.push_back(kWholeShare);
  edges_[take.from].take(decided, take.offer);
  if (!result.mix) {
    ++shell_.counters.transfers_refused;
    return send_receipt(take.from, take.id);
  }
  ++shell_.counters.transfers_applied;
  ++completed_;
  ExchangeReport report;
  report.peer = take.from;
  report.initiated = true;
  report.shard = take.work.shard;
  report.id = take.id;
  report.weight = take.work.weight;
  report.ratio = measured(take.from, report.shard, *result.mix);
  report.lag = take.lag;
  if (take.since) {
    report.staleness = shell_.step - take.since->first;
    report.age = shell_.now - take.since->second;
    const auto staleness = static_cast<double>(report.staleness);
    expected_staleness_ += kStalenessSmoothing * (staleness - expected_staleness_);
    staleness_sum_ += staleness;
    ++staleness_count_;
  }
  shell_.report(report);
  send_receipt(take.from, take.id);
}

/// Of `id`, and of some more, for an earlier receipt may be lost.
void Exchange::send_receipt(core::PeerId to, core::TransferId id) {
  const Edge& edge = edges_[to];
  std::vector<Decided> decided = edge.decided_around(id, shell_.config.window);
  if (decided.empty()) return;
  links_.send(to, wire::Receipt{edge.highest_seen(), std::move(decided)});
}

/// An exchange with `peer` was this far: ‖d‖/‖x‖.
double Exchange::measured(core::PeerId peer, core::ShardId shard, const core::MixStats& mix) {
  const double ratio = agreement_.measured(peer, shard, mix);
  if (auto words = outliers_.measured(shell_.now, peer, mix, shell_.step)) {
    const Link* link = links_.find(peer);
    shell_.report(PeerReport{PeerReport::What::kDiffers, peer,
                             link != nullptr ? link->address : Address(), *std::move(words)});
  }
  return ratio;
}

// ---- serving ---------------------------------------------------------------------------------

/// False if the hint in it is to keep the other from offering for a while.
bool Exchange::decline(core::PeerId to, core::OfferId offer, wire::DeclineReason reason) {
  ++shell_.counters.declines_sent;
  const bool crossed = reason == wire::DeclineReason::kCrossed;
  const auto retry =
      std::chrono::duration_cast<std::chrono::milliseconds>(shell_.config.decline_retry);
  links_.send(
      to, wire::Decline{offer, reason, crossed ? 0 : static_cast<std::uint32_t>(retry.count())});
  return crossed;
}

bool Exchange::on_offer(const wire::Header& header, const wire::Offer& offer,
                        core::Payload payload) {
  const core::PeerId from = header.src;
  Edge& edge = edges_[from];
  if (offer.id <= edge.answered) {
    const auto& owed = edge.outbox();
    const bool is_owed = std::any_of(owed.begin(), owed.end(), [&](const OutboxEntry& entry) {
      return entry.offer == offer.id;
    });
    core::Instant& hurried = standing_[from].hurried;
    if (is_owed && shell_.now - hurried >= shell_.config.retry / 2) {
      hurried = shell_.now;
      outbox_.send_again(from);
    }
    return false;
  }
  edge.answered = offer.id;
  if (!fits(offer.shard, offer.planes)) {
    shell_.reject(Reject::kShape);
    return decline(from, offer.id, wire::DeclineReason::kShape);
  }
  const auto crossed = std::find_if(own_.begin(), own_.end(), [&](const OwnOffer& own) {
    return own.to == from && own.shard == offer.shard;
  });
  if (crossed != own_.end()) {
    // Both would subtract the same difference, and the pair would swap. The lower id's offer
    // stands.
    if (shell_.self.id < from) return decline(from, offer.id, wire::DeclineReason::kCrossed);
    own_.erase(crossed);
    ++shell_.counters.offers_withdrawn;
  }
  if (!may_mix_with(header.phase, header.lineage) || unreceipted_to(from) >= shell_.config.window ||
      mixing(from, offer.shard) || serve_queue_.size() >= shell_.config.serve_queue_max) {
    return decline(from, offer.id, wire::DeclineReason::kBusy);
  }
  const std::uint64_t lag = difference(header.step, shell_.step);
  const auto weight = weight_for(shell_.config.staleness, offer.expected_staleness, lag);
  if (!weight) return decline(from, offer.id, wire::DeclineReason::kStale);
  serve_queue_.push_back({from,
                          offer.id,
                          {offer.shard, offer.planes.front().codec, std::move(payload),
                           shell_.config.transfer_codec, shell_.rng.next(), *weight},
                          lag});
  return true;
}

void Exchange::done(Responded& result) {
  const Serve serve = std::get<Serve>(std::move(in_lane_));
  in_lane_ = std::monostate{};
  if (!result.mix) {
    decline(serve.from, serve.offer, wire::DeclineReason::kNotFinite);
    return;
  }
  OutboxEntry made;
  made.offer = serve.offer;
  made.shard = serve.work.shard;
  made.codec = result.codec;
  made.weight = serve.work.weight;
  made.step = shell_.step;
  made.delta = std::move(result.delta);
  const OutboxEntry& entry = edges_[serve.from].create(shell_.self.boot, std::move(made));
  ++shell_.counters.transfers_made;
  ++completed_;
  ExchangeReport report;
  report.peer = serve.from;
  report.shard = entry.shard;
  report.id = entry.id;
  report.weight = entry.weight;
  report.ratio = measured(serve.from, report.shard, *result.mix);
  report.lag = serve.lag;
  shell_.report(report);
  outbox_.send_newest(serve.from);
}

void Exchange::on_resend_timer(const Timer& timer) { outbox_.on_resend_timer(timer); }

// ---- links -----------------------------------------------------------------------------------

void Exchange::on_link(core::PeerId peer, LinkChange change) {
  if (change == LinkChange::kNone) return;
  outbox_.on_link(peer, change);
  if (change == LinkChange::kUp) return;
  if (const Link* link = links_.find(peer); link != nullptr && link->gone) agreement_.forget(peer);
  shell_.counters.offers_withdrawn +=
      std::erase_if(own_, [peer](const OwnOffer& own) { return own.to == peer; });
  // A transfer to one that has gone would be in its way when it comes back, or never be taken.
  std::erase_if(serve_queue_, [peer](const Serve& s) { return s.from == peer; });
  if (change == LinkChange::kNewBoot) {
    // What the old boot sent is void until the two have compared notes; a transfer that is still in
    // its outbox comes again.
    std::erase_if(absorb_queue_, [peer](const Take& t) { return t.from == peer; });
  }
}

void Exchange::reborn(bool of_another_draw) {
  shell_.counters.offers_withdrawn += own_.size();
  own_.clear();
  serve_queue_.clear();
  absorb_queue_.clear();
  if (!of_another_draw) return;
  for (auto& [peer, edge] : edges_) edge.void_outbox();
  agreement_.forget();
}

// ---- the lane --------------------------------------------------------------------------------

std::optional<Work> Exchange::next_work() {
  CHECK_INVARIANT(in_lane_.index() == 0);
  if (!absorb_queue_.empty()) {
    Take take = std::move(absorb_queue_.front());
    absorb_queue_.pop_front();
    Work work = take.work;
    in_lane_ = std::move(take);
    return work;
  }
  if (!serve_queue_.empty()) {
    Serve serve = std::move(serve_queue_.front());
    serve_queue_.pop_front();
    Work work = serve.work;
    in_lane_ = std::move(serve);
    return work;
  }
  for (OwnOffer& own : own_) {
    if (own.stage != OwnOffer::Stage::kChosen) continue;
    own.stage = OwnOffer::Stage::kMaking;
    own.step = shell_.step;
    own.made = shell_.now;
    in_lane_ = own;
    return MakeOffer{own.shard, shell_.config.offer_codec};
  }
  return std::nullopt;
}

bool Exchange::busy_with(core::PeerId peer) const {
  if (const auto* serve = std::get_if<Serve>(&in_lane_)) return serve->from == peer;
  if (const auto* take = std::get_if<Take>(&in_lane_)) return take->from == peer;
  return false;
}

/// Of those from `peer` in the lane or waiting for it, the newest.
std::optional<Accepted> Exchange::newest_accepted(core::PeerId peer) const {
  const auto it = std::find_if(absorb_queue_.rbegin(), absorb_queue_.rend(),
                               [peer](const Take& t) { return t.from == peer; });
  if (it != absorb_queue_.rend()) return Accepted{it->id, it->offer};
  const auto* take = std::get_if<Take>(&in_lane_);
  if (take != nullptr && take->from == peer) return Accepted{take->id, take->offer};
  return std::nullopt;
}

std::size_t Exchange::accepted(core::PeerId peer) const {
  const auto waiting = std::count_if(absorb_queue_.begin(), absorb_queue_.end(),
                                     [peer](const Take& t) { return t.from == peer; });
  const auto* take = std::get_if<Take>(&in_lane_);
  return static_cast<std::size_t>(waiting) + (take != nullptr && take->from == peer ? 1 : 0);
}

/// Of the planes, the rules that there are exchange the parameters alone.
bool Exchange::fits(core::ShardId shard, const wire::Planes& planes) const {
  const wire::PlaneData& only = planes.front();
  return shard < shell_.schema.shards() && planes.size() == 1 &&
         only.plane == core::Plane::kParameters &&
         only.size == core::encoded_size(only.codec, shell_.schema.shard(shard).size);
}

double Exchange::staleness_mean() const {
  if (staleness_count_ == 0) return 0;
  return staleness_sum_ / static_cast<double>(staleness_count_);
}

}  // namespace murmur::gossip
