#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/fleet_run.hpp"

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

/// Whether what `crash` leaves may be put back by it or a later one: copies cost memory.
bool wants_backup(const FaultPlan& plan, const Crash& crash) {
  return std::any_of(plan.crashes.begin(), plan.crashes.end(), [&crash](const Crash& later) {
    return later.peer == crash.peer && later.starts_old > 0 && later.at >= crash.at;
  });
}

}  // namespace

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
  peers_.reserve(config_.peers + config_.faults.twins.size());
  core::Rng starts(config_.seed, 0, "starts");
  core::Rng offsets(config_.seed, 0, "clocks");
  for (std::uint32_t i = 0; i < config_.peers; ++i) {
    peers_.emplace_back(config_.faults, config_.seed, i).clock_offset =
        core::from_seconds(kClockOffsetMaxSeconds * offsets.uniform());
    const core::Duration at = scaled(kStartSpread, starts.uniform());
    world_.schedule(i == 0 ? core::Duration{0} : at, EventKind::kStart, i);
    ++to_come_;
  }
  for (std::uint32_t i = 0; i < config_.faults.twins.size(); ++i) {
    const Twin& twin = config_.faults.twins[i];
    Peer& peer = peers_.emplace_back(config_.faults, config_.seed, config_.peers + i);
    peer.clock_offset = core::from_seconds(kClockOffsetMaxSeconds * offsets.uniform());
    peer.twin_of = static_cast<std::uint32_t>(twin.peer);
    world_.schedule(twin.at, EventKind::kTwin, i);
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

/// One to three random others: at first only earlier peers, so that all hang together. Whoever
/// comes first after others that found knows all founders, or nobody might.
std::vector<gossip::Address> Fleet::contacts(std::uint32_t index, bool first) {
  std::vector<gossip::Address> chosen;
  const bool twin = peers_[index].twin_of.has_value();
  const std::uint64_t others = twin ? config_.peers : first ? index : config_.peers - 1;
  core::Rng rng(config_.seed, index + (std::uint64_t{peers_[index].incarnation} << 32), "contacts");
  const std::uint64_t wanted = std::min<std::uint64_t>(1 + rng.below(kContactsMax), others);
  while (chosen.size() < wanted) {
    std::uint64_t other = rng.below(others);
    if (other >= index) ++other;
    gossip::Address address = address_of(other);
    if (std::find(chosen.begin(), chosen.end(), address) == chosen.end())
      chosen.push_back(std::move(address));
  }
  const auto founder = [this](std::size_t i) {
    const auto& all = config_.faults.founders;
    return i == 0 ||
           std::any_of(all.begin(), all.end(), [i](const Founder& f) { return f.peer == i; });
  };
  if (first && !twin && index > 1 && founder(index - 1)) {
    chosen.clear();
    for (std::uint64_t i = 0; i < index; ++i) {
      if (founder(i)) chosen.push_back(address_of(i));
    }
  }
  return chosen;
}

/// The plan has it draw parameters at the start that is due.
bool Fleet::founds(std::uint32_t index) const {
  const Peer& peer = peers_[index];
  const auto& founders = config_.faults.founders;
  if (peer.incarnation == 0) {
    return std::any_of(founders.begin(), founders.end(),
                       [index](const Founder& f) { return f.peer == index; });
  }
  const auto& crashes = config_.faults.crashes;
  const auto last =
      std::max_element(crashes.begin(), crashes.end(), [&](const Crash& a, const Crash& b) {
        const auto at = [&](const Crash& c) {
          return c.peer == index && c.at <= world_.now() ? c.at : core::Duration(-1);
        };
        return at(a) < at(b);
      });
  return last != crashes.end() && last->peer == index && last->founds;
}

bool Fleet::start(std::uint32_t index) {
  Peer& peer = peers_[index];
  const std::uint32_t like = peer.twin_of.value_or(index);
  peer.replica = make_replica_(like, peer.incarnation);
  if (!peer.replica) return false;
  const auto& divergences = config_.faults.divergences;
  if (std::any_of(divergences.begin(), divergences.end(),
                  [like](const Divergence& d) { return d.peer == like; })) {
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
    if (auto loaded = peer.replica->load(checkpoint->replica); !loaded) {
      checker_.violate(
          fmt::format("peer {} cannot load its own checkpoint: {}", index, loaded.error().message));
      return true;
    }
  }
  gossip::Config config = config_of(config_, like);
  config.advertise = address_of(index);
  config.state = peer.replica->state_kind();
  if (!founds(index)) config.join = contacts(index, peer.incarnation == 0);
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
  std::optional<core::ByteView> saved;
  if (checkpoint) saved = checkpoint->protocol;
  peer.machine =
      std::make_unique<gossip::Machine>(clock(peer), self, config, peer.replica->schema(),
                                        core::Rng(config_.seed, entity, "machine"), saved);
  if (checks(peer))
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
  if (comes_back && wants_backup(config_.faults, crash) && peer.disk.back_up() && checking()) {
    checker_.backed_up(peer.person);
  }
  if (crash.starts_old > 0 && peer.disk.put_back(crash.starts_old) && checking()) {
    checker_.put_back(peer.person, crash.starts_old);
  }
  if (!crash.keep_state) peer.disk.replace();
}

void Fleet::stop_process(Peer& peer, bool comes_back) {
  peer.exchanges_before += peer.machine->counters().receipts_taken;
  if (checks(peer)) checker_.crashed(peer.person, comes_back);
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
  if (!peer.twin_of && !peer.trained && peer.stops == 0 && could_have_joined(peer)) {
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
                       return peer.replica->adopt(contact.replica->snapshot()).has_value();
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

void Fleet::start_twin(std::uint32_t plan) {
  const auto index = static_cast<std::uint32_t>(config_.peers + plan);
  Peer& twin = peers_[index];
  const Peer& original = peers_[*twin.twin_of];
  // Not started yet, or at its end already: there is nothing to be mistaken for.
  if (!original.machine || original.machine->phase() >= gossip::Phase::kLingering) return;
  twin.person = original.person;
  twin.disk.copy(original.disk);
  world_.schedule(world_.now() + config_.faults.twins[plan].length, EventKind::kTwinEnd, plan);
  start(index);
}

void Fleet::end_twin(std::uint32_t plan) {
  Peer& twin = peers_[config_.peers + plan];
  if (twin.machine) stop_process(twin, /*comes_back=*/false);
}

void Fleet::end_twins_of(std::uint32_t index) {
  for (std::uint32_t i = 0; i < config_.faults.twins.size(); ++i) {
    if (config_.faults.twins[i].peer == index && peers_[index].machine) end_twin(i);
  }
}

void Fleet::diverge(std::uint32_t index) {
  Peer& peer = peers_[index];
  if (!peer.machine) return;
  peer.diverging->diverge();
}

// ---- the end ----

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

}  // namespace murmur::sim
