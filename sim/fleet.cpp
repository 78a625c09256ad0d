#include "sim/fleet.hpp"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "gossip/work.hpp"
#include "sim/fleet_run.hpp"
#include "sim/outcome.hpp"

namespace murmur::sim {
namespace {

/// Comparing everything takes as long as there are edges: so many events lie between for each.
constexpr std::uint64_t kEventsPerPair = 4;
/// A machine whose deadline keeps being now, though nothing comes of it, is stuck.
constexpr int kIdleTimersMax = 1000;

/// What came of a work, for the trace.
std::uint64_t content_of(const gossip::WorkResult& result) {
  std::uint64_t content = 0;
  if (const auto* trained = std::get_if<gossip::Trained>(&result)) {
    content = std::bit_cast<std::uint64_t>(trained->stats.loss);
  } else if (const auto* offer = std::get_if<gossip::OfferMade>(&result)) {
    content = core::crc32c(core::view(offer->payload));
  } else if (const auto* responded = std::get_if<gossip::Responded>(&result)) {
    content = core::crc32c(core::view(responded->delta));
  } else if (const auto* absorbed = std::get_if<gossip::Absorbed>(&result)) {
    content = absorbed->mix ? std::bit_cast<std::uint64_t>(absorbed->mix->norm) : 0;
  }
  return core::mix64(content + result.index());
}

}  // namespace

// ---- events ----

void Fleet::happened(EventKind kind, std::uint32_t index, std::uint64_t content) {
  counted_ = true;
  mix(static_cast<std::uint64_t>(world_.now().count()));
  mix(content ^ (std::uint64_t{index} << 8 | static_cast<std::uint64_t>(kind)) << 32);
}

void Fleet::deliver(std::uint32_t slot) {
  Frame frame = network_.take(slot);
  Peer& peer = peers_[frame.to];
  if (!peer.machine || peer.machine->phase() == gossip::Phase::kDone) {
    return network_.bounce(world_, std::move(frame));
  }
  const std::uint32_t index = frame.to;
  happened(EventKind::kFrame, index,
           core::crc32c(frame.head) ^ core::view(frame.payload).size() << 32);
  touch(frame.from_person);
  peer.machine->handle(clock(peer),
                       gossip::Received{std::move(frame.head), std::move(frame.payload), {}});
  drain(index);
  finish_event(index);
}

void Fleet::undeliverable(std::uint32_t slot) {
  const Frame frame = network_.take(slot);
  Peer& sender = peers_[frame.from];
  if (!sender.machine || sender.incarnation != frame.incarnation) return;
  happened(EventKind::kUndeliverable, frame.from, frame.to);
  sender.machine->handle(clock(sender), gossip::Undeliverable{address_of(frame.to)});
  drain(frame.from);
  finish_event(frame.from);
}

void Fleet::finish_work(std::uint32_t index, std::uint64_t incarnation) {
  Peer& peer = peers_[index];
  if (!peer.machine || peer.incarnation != incarnation) return;
  gossip::Work work = *std::move(peer.work);
  peer.work.reset();
  if (checks(peer)) checker_.work_ends(peer.person, work);
  if (is_calm(config_.faults, world_.now())) peer.disk.mend();
  gossip::WorkResult result = gossip::perform(std::move(work), *peer.replica, peer.disk, pool_);
  if (checks(peer)) checker_.work_performed(peer.person, result);
  happened(EventKind::kWork, index, content_of(result));
  peer.machine->handle(clock(peer), gossip::WorkDone{std::move(result), peer.work_takes});
  drain(index);
  finish_event(index);
}

void Fleet::fire_timer(std::uint32_t index, std::uint64_t stamp) {
  Peer& peer = peers_[index];
  if (!peer.machine || stamp != peer.timer_stamp) return;
  peer.timer_at.reset();
  const auto due = peer.machine->next_deadline();
  if (due && *due <= clock(peer)) {
    peer.machine->on_deadline(clock(peer));
    const std::size_t effects = drain(index);
    peer.idle_timers = effects > 0 || world_.now() > peer.last_timer ? 0 : peer.idle_timers + 1;
    peer.last_timer = world_.now();
    if (effects > 0) {
      happened(EventKind::kTimer, index, effects);
    } else if (peer.idle_timers > kIdleTimersMax) {
      checker_.violate(fmt::format("peer {}: its timers fire {} times at once for nothing", index,
                                   kIdleTimersMax));
      peer.idle_timers = 0;
    }
    return finish_event(index);
  }
  set_timer(index);
}

// ---- effects ----

std::size_t Fleet::drain(std::uint32_t index) {
  std::size_t effects = 0;
  Peer& peer = peers_[index];
  while (auto effect = peer.machine->poll()) {
    ++effects;
    std::visit([&](auto& e) { carry_out(index, std::move(e)); }, *effect);
  }
  return effects;
}

void Fleet::carry_out(std::uint32_t index, gossip::Send send) {
  Peer& peer = peers_[index];
  const auto to = index_of(send.to, peers_.size());
  if (!to) {
    return checker_.violate(
        fmt::format("peer {} sends to '{}', which no peer gave it", index, send.to));
  }
  touch(peers_[*to].person);
  if (checks(peer)) checker_.sends(peer.person, send.head, send.payload);
  network_.send(world_, {std::move(send.head), std::move(send.payload), index, *to, peer.person,
                         peer.incarnation});
}

void Fleet::carry_out(std::uint32_t index, gossip::Work work) {
  Peer& peer = peers_[index];
  if (peer.work) return checker_.violate(fmt::format("peer {} has two works out at once", index));
  if (checks(peer)) checker_.work_begins(peer.person);
  const core::Duration takes = duration(peer, work);
  peer.work = std::move(work);
  peer.work_takes = takes;
  world_.schedule(world_.now() + takes, EventKind::kWork, index, peer.incarnation);
}

void Fleet::carry_out(std::uint32_t index, const gossip::Shun& /*shun*/) {
  checker_.violate(fmt::format("peer {} shuns one that no key names", index));
}

void Fleet::carry_out(std::uint32_t index, const gossip::Report& report) {
  Peer& peer = peers_[index];
  if (const auto* exchange = std::get_if<gossip::ExchangeReport>(&report)) {
    const std::int64_t other = checker_.find(exchange->peer);
    if (other >= 0) touch(static_cast<Person>(other));
    if (checks(peer)) checker_.exchanged(peer.person, *exchange);
  } else if (const auto* about = std::get_if<gossip::PeerReport>(&report)) {
    if (checks(peer) && about->what == gossip::PeerReport::What::kUp)
      checker_.linked(peer.person, about->peer);
  } else if (const auto* phase = std::get_if<gossip::PhaseReport>(&report)) {
    if (checks(peer)) checker_.entered(peer.person, phase->phase, peer.stops > 1);
    peer.trained |= phase->phase == gossip::Phase::kTraining;
    if (phase->phase >= gossip::Phase::kLingering && !peer.settled) peer.settled = world_.now();
    if (phase->phase >= gossip::Phase::kLingering) end_twins_of(index);
  }
  if (config_.on_report) config_.on_report(index, world_.now(), report);
}

core::Duration Fleet::duration(Peer& peer, const gossip::Work& work) {
  if (const auto* train = std::get_if<gossip::Train>(&work)) {
    core::Duration sum{0};
    for (std::uint32_t i = 0; i < train->steps; ++i) sum += config_.step_time.draw(peer.step_times);
    return scaled(sum, peer.slowness);
  }
  const bool mixes = std::holds_alternative<gossip::MakeOffer>(work) ||
                     std::holds_alternative<gossip::Respond>(work) ||
                     std::holds_alternative<gossip::Absorb>(work);
  const double cost = mixes                                            ? config_.costs.mix
                      : std::holds_alternative<gossip::Evaluate>(work) ? config_.costs.evaluate
                                                                       : config_.costs.state;
  return scaled(config_.step_time.mean(), cost * peer.slowness);
}

void Fleet::set_timer(std::uint32_t index) {
  Peer& peer = peers_[index];
  const auto deadline = peer.machine->next_deadline();
  if (!deadline) return;
  const core::Duration at = deadline->time_since_epoch() - peer.clock_offset;
  // A timer that is already due earlier looks again when it fires.
  if (peer.timer_at && *peer.timer_at <= at) return;
  peer.timer_at = std::max(at, world_.now());
  world_.schedule(*peer.timer_at, EventKind::kTimer, index, ++peer.timer_stamp);
}

void Fleet::finish_event(std::uint32_t index) {
  Peer& peer = peers_[index];
  set_timer(index);
  if (checks(peer)) checker_.check(peer.person, peer.work.has_value(), touched_);
  if (peer.machine->phase() == gossip::Phase::kDone && peer.machine->failure()) {
    fail(index, *peer.machine->failure());
  }
}

// ---- the run ----

core::Result<Outcome> Fleet::run() {
  if (auto ok = prepare(); !ok) return tl::make_unexpected(ok.error());
  std::uint64_t next_progress = config_.progress_every;
  while (const auto due = world_.next()) {
    if (config_.time_max.count() > 0 && due->at > config_.time_max) {
      timed_out_ = true;
      break;
    }
    counted_ = false;
    touched_.clear();
    checker_.set_event(world_.now(), events_);
    switch (due->kind) {
      case EventKind::kStart:
        --to_come_;
        happened(due->kind, due->index, 0);
        if (peers_[due->index].down || peers_[due->index].incarnation > 0) break;
        if (!start(due->index))
          return core::fail(fmt::format("peer {}: no replica could be made", due->index));
        break;
      case EventKind::kFrame:
        deliver(due->index);
        break;
      case EventKind::kWork:
        finish_work(due->index, due->stamp);
        break;
      case EventKind::kTimer:
        fire_timer(due->index, due->stamp);
        break;
      case EventKind::kUndeliverable:
        undeliverable(due->index);
        break;
      case EventKind::kCrash:
        happened(due->kind, due->index, 0);
        crash(due->index);
        break;
      case EventKind::kRestart:
        happened(due->kind, due->index, 0);
        restart(due->index);
        break;
      case EventKind::kStop:
        happened(due->kind, due->index, 0);
        stop(due->index);
        break;
      case EventKind::kDiverge:
        happened(due->kind, due->index, 0);
        diverge(due->index);
        break;
      case EventKind::kTwin:
        happened(due->kind, due->index, 0);
        start_twin(due->index);
        break;
      case EventKind::kTwinEnd:
        happened(due->kind, due->index, 0);
        end_twin(due->index);
        break;
    }
    if (checker_.violations().size() >= config_.violations_max || over()) break;
    if (!counted_) continue;
    ++events_;
    if (checking() && events_ >= next_recompute_) {
      checker_.recompute();
      next_recompute_ =
          events_ + std::max(config_.recompute_every, kEventsPerPair * checker_.pairs());
    }
    if (config_.on_progress && events_ >= next_progress) {
      next_progress += config_.progress_every;
      if (!config_.on_progress(progress())) {
        stopped_ = true;
        break;
      }
    }
  }
  if (checking()) checker_.recompute();
  return outcome();
}

Progress Fleet::progress() {
  Progress progress = progress_of(own_peers());
  progress.now = world_.now();
  progress.events = events_;
  progress.violations = checker_.violations().size();
  return progress;
}

Outcome Fleet::outcome() {
  Outcome outcome;
  outcome.exchanges = exchanges_of(own_peers());
  outcome.unresolved = checking() ? checker_.unresolved() : 0;
  for (Peer& peer : own_peers()) {
    const core::PeerId id = peer.incarnation > 0 ? checker_.id(peer.person) : core::PeerId{};
    outcome.peers.push_back(end(peer, id, world_.now()));
  }
  outcome.trace_hash = hash_;
  outcome.events = events_;
  outcome.checks = checker_.checks();
  outcome.now = world_.now();
  outcome.timed_out = timed_out_;
  outcome.stopped = stopped_;
  outcome.violations = checker_.take_violations();
  outcome.notes = std::move(notes_);
  return outcome;
}

core::Result<Outcome> run(const SimConfig& config, const ReplicaFactory& make_replica) {
  auto outcome = Fleet(config, make_replica).run();
  // Evaluating takes memory too. The fleet's is free by now, though the heap still has it: it lies
  // between the replicas.
  malloc_trim(0);
  if (outcome) evaluate(*outcome);
  return outcome;
}

}  // namespace murmur::sim
