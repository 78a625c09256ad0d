#include "sim/fleet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <utility>

#include "gossip/machine.hpp"
#include "gossip/work.hpp"
#include "sim/checker.hpp"
#include "sim/network.hpp"
#include "sim/outcome.hpp"
#include "sim/peer.hpp"
#include "sim/world.hpp"

namespace murmur::sim {
namespace {

constexpr core::Duration kStartSpread = std::chrono::milliseconds(10);
constexpr double kClockOffsetMaxSeconds = 1000;
constexpr std::size_t kContactsMax = 3;
/// After all others have settled, so long are those waited for that linger, and those that join: a
/// machine that finds nobody to join ends by itself, within Config::join_max.
constexpr core::Duration kLingerMax = std::chrono::seconds(30);
constexpr core::Duration kJoinMax = std::chrono::seconds(60);
constexpr core::Duration kSettledEvery = std::chrono::milliseconds(20);
/// Comparing everything takes as long as there are edges: so many events lie between for each.
constexpr std::uint64_t kEventsPerPair = 4;
/// A machine whose deadline keeps being now, though nothing comes of it, is stuck.
constexpr int kIdleTimersMax = 1000;

core::Duration scaled(core::Duration d, double factor) {
  return core::Duration(
      std::max<std::int64_t>(1, std::llround(static_cast<double>(d.count()) * factor)));
}

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

class Fleet {
 public:
  Fleet(const SimConfig& config, const ReplicaFactory& make_replica)
      : config_(config),
        make_replica_(make_replica),
        network_(config.faults, config.peers, config.seed),
        checker_(quiet_from(config.faults), config.checks == Checks::kAll, config.seed,
                 config.replay, config.violations_max),
        pool_(4096),
        next_recompute_(config.recompute_every) {}

  core::Result<Outcome> run();

 private:
  core::Result<void> prepare();
  bool start(std::uint32_t index);
  void crash(std::uint32_t plan);
  void stop_process(Peer& peer, bool comes_back);
  void fail(std::uint32_t index, std::string why);
  [[nodiscard]] bool comes_back(std::uint32_t index) const;
  [[nodiscard]] bool could_have_joined(Peer& peer);
  void restart(std::uint32_t plan);
  void stop(std::uint32_t index);
  void diverge(std::uint32_t index);
  void deliver(std::uint32_t slot);
  void undeliverable(std::uint32_t slot);
  void finish_work(std::uint32_t index, std::uint64_t incarnation);
  void fire_timer(std::uint32_t index, std::uint64_t stamp);

  std::size_t drain(std::uint32_t index);
  void carry_out(std::uint32_t index, gossip::Send send);
  void carry_out(std::uint32_t index, gossip::Work work);
  void carry_out(std::uint32_t index, const gossip::Report& report);
  void set_timer(std::uint32_t index);
  void finish_event(std::uint32_t index);

  [[nodiscard]] bool checking() const { return config_.checks != Checks::kNone; }
  [[nodiscard]] core::Instant clock(const Peer& peer) const {
    return core::Instant(world_.now() + peer.clock_offset);
  }
  [[nodiscard]] core::Duration duration(Peer& peer, const gossip::Work& work);
  [[nodiscard]] std::vector<gossip::Address> contacts(std::uint32_t index, bool first);
  void touch(std::uint32_t person) {
    if (std::find(touched_.begin(), touched_.end(), person) == touched_.end())
      touched_.push_back(person);
  }
  void mix(std::uint64_t value) { hash_ = core::mix64(hash_ ^ value) + 0x9e3779b97f4a7c15ULL; }
  void happened(EventKind kind, std::uint32_t index, std::uint64_t content);

  [[nodiscard]] bool over();
  [[nodiscard]] Progress progress() const;
  Outcome outcome();

  const SimConfig& config_;
  const ReplicaFactory& make_replica_;
  World world_;
  Network network_;
  Checker checker_;
  core::BufferPool pool_;
  std::vector<Peer> peers_;
  std::vector<Person> touched_;
  std::uint64_t people_ = 0;
  std::size_t to_come_ = 0;  ///< starts and restarts not yet due
  std::uint64_t events_ = 0;
  std::uint64_t next_recompute_ = 0;
  std::uint64_t hash_ = 0;
  bool counted_ = false;  ///< the event being handled did something
  bool timed_out_ = false;
  bool stopped_ = false;
  core::Duration next_settled_check_{0};
  std::optional<core::Duration> all_settled_;
  std::vector<std::string> notes_;
};

// ---- starting and ending peers ----

core::Result<void> Fleet::prepare() {
  if (config_.peers == 0) return core::fail("peers 0: at least one is needed");
  if (config_.peers >= (std::size_t{1} << 20)) {
    return core::fail(fmt::format("peers {} > {}", config_.peers, (std::size_t{1} << 20) - 1));
  }
  if (auto ok = check_plan(config_.faults, config_.peers); !ok) return ok;
  if (config_.gossip.steps_max == 0 && config_.gossip.duration_max.count() == 0 &&
      config_.time_max.count() == 0) {
    return core::fail("the run has no end: give it steps, a duration or a virtual time limit");
  }
  peers_.reserve(config_.peers);
  core::Rng starts(config_.seed, 0, "starts");
  core::Rng offsets(config_.seed, 0, "clocks");
  for (std::uint32_t i = 0; i < config_.peers; ++i) {
    peers_.emplace_back(config_.faults, config_.seed, i).clock_offset =
        core::from_seconds(kClockOffsetMaxSeconds * offsets.uniform());
    const core::Duration at = scaled(kStartSpread, starts.uniform());
    world_.schedule(i == 0 ? core::Duration{0} : at, EventKind::kStart, i);
    ++to_come_;
  }
  for (const Straggler& straggler : config_.faults.stragglers) {
    peers_[straggler.peer].slowness *= straggler.factor;
  }
  for (std::uint32_t i = 0; i < config_.faults.crashes.size(); ++i) {
    world_.schedule(config_.faults.crashes[i].at, EventKind::kCrash, i);
  }
  for (const StopAsked& stop : config_.faults.stops) {
    world_.schedule(stop.at, EventKind::kStop, static_cast<std::uint32_t>(stop.peer));
  }
  for (const Divergence& divergence : config_.faults.divergences) {
    world_.schedule(divergence.at, EventKind::kDiverge,
                    static_cast<std::uint32_t>(divergence.peer));
  }
  return {};
}

/// One to three random others: at first only earlier peers, so that all hang together.
std::vector<gossip::Address> Fleet::contacts(std::uint32_t index, bool first) {
  std::vector<gossip::Address> chosen;
  const std::uint64_t others = first ? index : config_.peers - 1;
  core::Rng rng(config_.seed, index + (std::uint64_t{peers_[index].incarnation} << 32), "contacts");
  const std::uint64_t wanted = std::min<std::uint64_t>(1 + rng.below(kContactsMax), others);
  while (chosen.size() < wanted) {
    std::uint64_t other = rng.below(others);
    if (other >= index) ++other;
    gossip::Address address = address_of(other);
    if (std::find(chosen.begin(), chosen.end(), address) == chosen.end())
      chosen.push_back(std::move(address));
  }
  return chosen;
}

bool Fleet::start(std::uint32_t index) {
  Peer& peer = peers_[index];
  peer.replica = make_replica_(index, peer.incarnation);
  if (!peer.replica) return false;
  const auto& divergences = config_.faults.divergences;
  if (std::any_of(divergences.begin(), divergences.end(),
                  [index](const Divergence& d) { return d.peer == index; })) {
    auto diverging = std::make_unique<Diverging>(std::move(peer.replica));
    peer.diverging = diverging.get();
    peer.replica = std::move(diverging);
  }
  const std::uint64_t entity = index + (std::uint64_t{peer.incarnation} << 32);
  core::Rng ids(config_.seed, entity, "id");
  const std::uint64_t high = ids.next();
  const auto fresh = Checker::number_id({high, ids.next()}, static_cast<Person>(people_));
  const core::Identity self = *peer.disk.start(fresh);
  if (self.id == fresh) {
    peer.person = checker_.add_person(fresh, index);
    ++people_;
  }

  std::optional<gossip::Checkpoint> checkpoint;
  if (const auto saved = *peer.disk.load()) {
    checkpoint = *gossip::split_checkpoint(*saved);
    if (auto loaded = peer.replica->load(checkpoint->replica, /*adopt=*/false); !loaded) {
      checker_.violate(
          fmt::format("peer {} cannot load its own checkpoint: {}", index, loaded.error().message));
      return true;
    }
  }
  gossip::Config config = config_of(config_, index);
  config.advertise = address_of(index);
  config.join = contacts(index, peer.incarnation == 0);
  ++peer.incarnation;
  peer.down = false;
  peer.started = world_.now();
  peer.settled.reset();
  peer.failure.clear();
  peer.contacts = config.join;
  peer.trained = false;
  peer.stops = 0;
  peer.timer_at.reset();
  peer.idle_timers = 0;
  std::optional<core::ByteView> snapshot;
  if (checkpoint) snapshot = checkpoint->protocol;
  peer.machine =
      std::make_unique<gossip::Machine>(clock(peer), self, config, peer.replica->schema(),
                                        core::Rng(config_.seed, entity, "machine"), snapshot);
  if (checking())
    checker_.started(peer.person, *peer.machine, *peer.replica, config, checkpoint.has_value(),
                     comes_back(index));
  drain(index);
  finish_event(index);
  return true;
}

void Fleet::crash(std::uint32_t plan) {
  const Crash& crash = config_.faults.crashes[plan];
  Peer& peer = peers_[crash.peer];
  if (crash.restart_after) {
    world_.schedule(world_.now() + *crash.restart_after, EventKind::kRestart, plan);
    ++to_come_;
  }
  peer.down = true;
  const bool comes_back = crash.restart_after && crash.keep_state;
  // Killed before it was started: its start is that after the crash.
  if (peer.machine) stop_process(peer, comes_back);
  if (comes_back && peer.disk.crash() && checking()) checker_.torn(peer.person);
  if (!crash.keep_state) peer.disk.replace();
}

void Fleet::stop_process(Peer& peer, bool comes_back) {
  peer.exchanges_before += peer.machine->counters().receipts_taken;
  if (checking()) checker_.crashed(peer.person, comes_back);
  peer.work.reset();
  peer.machine.reset();
  peer.replica.reset();
  peer.diverging = nullptr;
}

/// Whether the peer will be killed and start again from its checkpoint.
bool Fleet::comes_back(std::uint32_t index) const {
  const auto& crashes = config_.faults.crashes;
  return std::any_of(crashes.begin(), crashes.end(), [&](const Crash& crash) {
    return crash.peer == index && crash.keep_state && crash.restart_after &&
           crash.at > world_.now();
  });
}

/// A peer that cannot go on ends, as its process would. It is the plan's doing if all that it knew
/// of were dead, done or cut off; else something is wrong.
void Fleet::fail(std::uint32_t index, std::string why) {
  Peer& peer = peers_[index];
  notes_.push_back(
      fmt::format("at {:.6f} s peer {} ended: {}", core::seconds(world_.now()), index, why));
  if (!peer.trained && peer.stops == 0 && could_have_joined(peer)) {
    checker_.violate(
        fmt::format("peer {} ended, though a contact could be joined: {}", index, why));
  }
  peer.failure = std::move(why);
  stop_process(peer, comes_back(index));
}

/// A contact that mixes was there all the time, had room, and has a state that this peer can load.
bool Fleet::could_have_joined(Peer& peer) {
  if (peer.started < quiet_from(config_.faults)) return false;
  return std::any_of(peer.contacts.begin(), peer.contacts.end(),
                     [&](const gossip::Address& address) {
                       const std::uint32_t index = *index_of(address, peers_.size());
                       Peer& contact = peers_[index];
                       const gossip::Config& config = config_of(config_, index);
                       if (!contact.machine || contact.started > peer.started ||
                           contact.machine->phase() == gossip::Phase::kJoining ||
                           contact.machine->phase() == gossip::Phase::kDone ||
                           contact.machine->neighbours().size() >= config.links_max ||
                           config.rule == gossip::Rule::kNone) {
                         return false;
                       }
                       core::Bytes state;
                       contact.replica->save(state);
                       return peer.replica->load(state, /*adopt=*/true).has_value();
                     });
}

void Fleet::restart(std::uint32_t plan) {
  --to_come_;
  start(static_cast<std::uint32_t>(config_.faults.crashes[plan].peer));
}

void Fleet::stop(std::uint32_t index) {
  Peer& peer = peers_[index];
  if (!peer.machine) return;
  peer.machine->handle(clock(peer), gossip::Stop{++peer.stops > 1});
  drain(index);
  finish_event(index);
}

void Fleet::diverge(std::uint32_t index) {
  Peer& peer = peers_[index];
  if (!peer.machine) return;
  peer.diverging->diverge();
}

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
  if (checking()) checker_.work_ends(peer.person, work);
  if (is_calm(config_.faults, world_.now())) peer.disk.mend();
  gossip::WorkResult result = gossip::perform(std::move(work), *peer.replica, peer.disk, pool_);
  if (checking()) checker_.work_performed(peer.person, result);
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
  if (send.payload && checking()) checker_.sends(peer.person, send.head, send.payload);
  network_.send(world_, {std::move(send.head), std::move(send.payload), index, *to, peer.person,
                         peer.incarnation});
}

void Fleet::carry_out(std::uint32_t index, gossip::Work work) {
  Peer& peer = peers_[index];
  if (peer.work) return checker_.violate(fmt::format("peer {} has two works out at once", index));
  if (checking()) checker_.work_begins(peer.person);
  const core::Duration takes = duration(peer, work);
  peer.work = std::move(work);
  peer.work_takes = takes;
  world_.schedule(world_.now() + takes, EventKind::kWork, index, peer.incarnation);
}

void Fleet::carry_out(std::uint32_t index, const gossip::Report& report) {
  Peer& peer = peers_[index];
  if (const auto* exchange = std::get_if<gossip::ExchangeReport>(&report)) {
    const std::int64_t other = checker_.find(exchange->peer);
    if (other >= 0) touch(static_cast<Person>(other));
    if (checking()) checker_.exchanged(peer.person, *exchange);
  } else if (const auto* about = std::get_if<gossip::PeerReport>(&report)) {
    if (checking() && about->what == gossip::PeerReport::What::kUp)
      checker_.linked(peer.person, about->peer);
  } else if (const auto* phase = std::get_if<gossip::PhaseReport>(&report)) {
    if (checking()) checker_.entered(peer.person, phase->phase, peer.stops > 1);
    peer.trained |= phase->phase == gossip::Phase::kTraining;
    if (phase->phase >= gossip::Phase::kLingering && !peer.settled) peer.settled = world_.now();
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
  if (checking()) checker_.check(peer.person, peer.work.has_value(), touched_);
  if (peer.machine->phase() == gossip::Phase::kDone && peer.machine->failure()) {
    fail(index, *peer.machine->failure());
  }
}

// ---- the run ----

/// All that are up have said goodbye, or wait for peers that are down or never join.
bool Fleet::over() {
  if (world_.now() < next_settled_check_) return false;
  next_settled_check_ = world_.now() + kSettledEvery;
  std::size_t joining = 0;
  std::size_t lingering = 0;
  bool settled = to_come_ == 0;
  for (const Peer& peer : peers_) {
    if (!peer.machine) continue;
    const gossip::Phase phase = peer.machine->phase();
    if (phase == gossip::Phase::kJoining) {
      ++joining;
    } else if (phase < gossip::Phase::kLingering) {
      settled = false;
    } else if (phase == gossip::Phase::kLingering) {
      ++lingering;
    }
  }
  if (!settled) {
    all_settled_.reset();
    return false;
  }
  if (!all_settled_) all_settled_ = world_.now();
  if (joining == 0 && lingering == 0) return true;
  if (joining == 0) return world_.now() - *all_settled_ >= kLingerMax;
  if (world_.now() - *all_settled_ < kJoinMax) return false;
  checker_.violate(
      fmt::format("{} s after all others have settled, {} peers have neither joined nor given up",
                  core::seconds(kJoinMax), joining));
  return true;
}

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

Progress Fleet::progress() const {
  Progress progress = progress_of(peers_);
  progress.now = world_.now();
  progress.events = events_;
  progress.violations = checker_.violations().size();
  return progress;
}

Outcome Fleet::outcome() {
  Outcome outcome;
  outcome.exchanges = exchanges_of(peers_);
  outcome.spread = spread_of(peers_);
  outcome.unresolved = checking() ? checker_.unresolved() : 0;
  for (Peer& peer : peers_) {
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

}  // namespace

core::Result<Outcome> run(const SimConfig& config, const ReplicaFactory& make_replica) {
  return Fleet(config, make_replica).run();
}

}  // namespace murmur::sim
