#include "tests/sim/swarm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <set>

#include "core/duration.hpp"
#include "core/spread.hpp"
#include "gpu/replica_spec.hpp"

namespace murmur::sim::test {
namespace {

using std::chrono::milliseconds;

constexpr core::Duration kStep = milliseconds(10);
/// After the faults the replicas agree to within this: int8 offers measure a difference no finer
/// than 1e-2, and neighbours of neighbours may be apart by a few times that.
constexpr double kSpreadMax = 0.05;

core::Duration between(core::Rng& rng, core::Duration low, core::Duration high) {
  return Distribution::uniform(low, high).draw(rng);
}

/// Peer 0 stays, so that somebody who knows the model does, and all are back some seconds before
/// the end of the training.
void draw_crashes(core::Rng& rng, SimConfig& config) {
  const auto chance = [&rng] { return rng.below(2) == 0; };
  std::vector<Crash>& crashes = config.faults.crashes;
  const core::Duration training = kStep * static_cast<std::int64_t>(config.gossip.steps_max);
  const core::Duration last = training - std::chrono::seconds(4);
  switch (rng.below(6)) {
    case 0: {
      // The last peer dies for good, but not at once: it may not be anybody's only contact.
      crashes.push_back(
          {config.peers - 1, between(rng, std::chrono::seconds(2), last), std::nullopt, true});
      break;
    }
    case 1: {
      // One of few crashes again and again, from checkpoints that are often in the middle of an
      // exchange, while its earlier messages are still under way.
      config.peers = 2 + rng.below(3);
      config.gossip.exchange_every = 1;
      std::erase_if(config.faults.stragglers,
                    [&](const Straggler& s) { return s.peer >= config.peers; });
      if (chance()) {
        config.faults.duplicate = 0.3;
        config.faults.delay =
            Distribution::exponential(between(rng, milliseconds(10), milliseconds(100)));
      }
      const std::size_t peer = 1 + rng.below(config.peers - 1);
      config.gossip.save_every = between(rng, milliseconds(20), milliseconds(200));
      for (core::Duration at = milliseconds(500); at < last;
           at += between(rng, milliseconds(200), milliseconds(1200))) {
        crashes.push_back({peer, at, between(rng, milliseconds(1), milliseconds(100)), true});
      }
      break;
    }
    case 2: {
      for (std::uint64_t n = 1 + rng.below(6); n > 0; --n) {
        Crash crash{1 + rng.below(config.peers - 1), between(rng, milliseconds(100), last),
                    std::nullopt, rng.below(4) != 0};
        crash.restart_after = between(rng, milliseconds(1), last - crash.at + milliseconds(1000));
        if (chance()) crash.restart_after = *crash.restart_after / 50;
        crashes.push_back(crash);
        if (!check_plan(config.faults, config.peers)) crashes.pop_back();
      }
      break;
    }
    default:
      break;  // half of the seeds have none
  }
}

/// Peers of unlike configurations: how they exchange, one that never does, others that cannot copy
/// the founder's state.
void draw_mixture(core::Rng& rng, Case& c) {
  const auto chance = [&rng] { return rng.below(2) == 0; };
  SimConfig& config = c.config;
  // Where some train for longer, the bounded policy declines them for ever.
  const bool uneven = chance();
  if (uneven) config.gossip.staleness.kind = gossip::StalenessPolicy::Kind::kDamped;
  for (std::size_t peer = 1; chance() && peer < config.peers; ++peer) {
    gossip::Config own = config.gossip;
    if (chance()) own.exchange_every = static_cast<std::uint32_t>(rng.below(30));
    if (chance()) own.offer_codec = core::Codec{static_cast<std::uint8_t>(rng.below(2))};
    if (chance()) {
      own.transfer_codec = core::Codec{static_cast<std::uint8_t>(rng.below(core::kCodecCount))};
    }
    if (chance()) {
      own.staleness.kind =
          gossip::StalenessPolicy::Kind{static_cast<std::uint8_t>(rng.below(uneven ? 2 : 3))};
      own.staleness.half = static_cast<double>(1 + rng.below(100));
    }
    if (chance()) own.settle_max = chance() ? core::Duration{0} : milliseconds(500);
    if (uneven && chance()) own.steps_max = own.steps_max / 2 + rng.below(own.steps_max);
    if (chance()) own.offers_max = 1 + rng.below(4);
    config.own[peer] = own;
  }
  if (chance()) {
    const std::size_t loner = 1 + rng.below(config.peers - 1);
    config.own.try_emplace(loner, config.gossip).first->second.rule = gossip::Rule::kNone;
  }
  for (std::uint64_t n = chance() ? 1 + rng.below(2) : 0; n > 0; --n) {
    c.momentum.insert(1 + rng.below(config.peers - 1));
  }
}

/// More peers than one seeks out, or holds at all.
void draw_large(core::Rng& rng, Case& c) {
  gossip::Config& gossip = c.config.gossip;
  gossip.view_max = 4 + rng.below(5);
  gossip.links_max = gossip.view_max + rng.below(gossip.view_max);
  c.config.peers = gossip.view_max + 4 + rng.below(12);
  gossip.steps_max = 500;
  // Neighbours of neighbours of neighbours.
  c.spread_max = 0.5;
}

void draw_ends(core::Rng& rng, SimConfig& config, core::Duration last) {
  const auto chance = [&rng] { return rng.below(2) == 0; };
  if (chance()) {
    const std::size_t peer = 1 + rng.below(config.peers - 1);
    config.faults.divergences.push_back({peer, between(rng, {}, last)});
  }
  for (std::uint64_t n = chance() ? 1 + rng.below(3) : 0; n > 0; --n) {
    const std::size_t peer = 1 + rng.below(config.peers - 1);
    const core::Duration at = between(rng, {}, last);
    config.faults.stops.push_back({peer, at});
    if (chance()) config.faults.stops.push_back({peer, at + between(rng, {}, milliseconds(500))});
  }
}

/// One seed in two has as many offers in flight as the window lets through, so that it is used.
void draw_windows(core::Rng rng, SimConfig& config, std::size_t window) {
  constexpr std::array<std::size_t, 4> kWindows{1, 2, 3, 8};
  const auto draw = [&](gossip::Config& gossip) {
    gossip.window = window != 0 ? window : kWindows[rng.below(kWindows.size())];
    if (rng.below(2) == 0) gossip.offers_max = std::max(gossip.offers_max, gossip.window);
  };
  draw(config.gossip);
  const bool mixed = rng.below(2) == 0;
  for (auto& [peer, own] : config.own) {
    own.window = config.gossip.window;
    if (mixed) draw(own);
  }
}

/// Of those that crash and come back, some come back from a backup.
void draw_backups(core::Rng rng, SimConfig& config) {
  if (rng.below(2) == 0) return;
  std::vector<Crash>& crashes = config.faults.crashes;
  for (Crash& crash : crashes) {
    if (!crash.keep_state || !crash.restart_after || rng.below(3) != 0) continue;
    crash.starts_old = 1 + static_cast<std::uint32_t>(rng.below(5));
    while (!check_plan(config.faults, config.peers)) --crash.starts_old;
  }
}

/// Whether peer `i` should end near to the others: it mixed, and settled, as long as it needed.
bool settled(const Case& c, const Outcome& outcome, std::size_t i) {
  const gossip::Config& config = config_of(c.config, i);
  const auto& stops = c.config.faults.stops;
  return outcome.peers[i].up && outcome.peers[i].exchanges > 0 &&
         config.rule != gossip::Rule::kNone && config.settle_max >= std::chrono::seconds(5) &&
         std::none_of(stops.begin(), stops.end(), [i](const StopAsked& s) { return s.peer == i; });
}

/// Who mixed with whom, directly or through others, once the faults were over.
class Groups {
 public:
  explicit Groups(std::size_t peers) : of_(peers) { std::iota(of_.begin(), of_.end(), 0U); }
  void join(std::size_t a, std::size_t b) {
    const std::size_t from = of_[a];
    const std::size_t into = of_[b];
    std::replace(of_.begin(), of_.end(), from, into);
  }
  [[nodiscard]] std::size_t of(std::size_t peer) const { return of_[peer]; }

 private:
  std::vector<std::size_t> of_;
};

/// Whether peers may have gone through whom alone others knew of each other.
bool loses_peers(const Case& c) {
  const FaultPlan& faults = c.config.faults;
  const auto gone = [](const Crash& crash) { return !crash.restart_after || !crash.keep_state; };
  const auto loner = [](const auto& own) { return own.second.rule == gossip::Rule::kNone; };
  return !faults.divergences.empty() || !faults.stops.empty() || !c.momentum.empty() ||
         std::any_of(faults.crashes.begin(), faults.crashes.end(), gone) ||
         std::any_of(c.config.own.begin(), c.config.own.end(), loner);
}

double spread_of_settled(const Case& c, const Outcome& outcome, const Groups& groups) {
  std::map<std::size_t, std::vector<std::vector<float>>> replicas;
  for (std::size_t i = 0; i < outcome.peers.size(); ++i) {
    if (!settled(c, outcome, i)) continue;
    core::Replica& replica = *outcome.peers[i].replica;
    auto& group = replicas[loses_peers(c) ? groups.of(i) : 0];
    replica.read_parameters(group.emplace_back(replica.schema().parameters()));
  }
  double spread = 0;
  for (const auto& [group, members] : replicas) spread = std::max(spread, core::spread(members));
  return spread;
}

}  // namespace

SimConfig quick(std::size_t peers) {
  SimConfig config;
  config.peers = peers;
  config.gossip.steps_max = 600;
  config.gossip.exchange_every = 4;
  config.gossip.save_every = std::chrono::milliseconds(300);
  config.gossip.settle_max = std::chrono::seconds(20);
  config.gossip.linger = std::chrono::seconds(60);
  config.recompute_every = 500;
  config.time_max = std::chrono::minutes(5);
  return config;
}

ReplicaFactory quadratics(std::size_t dimension, std::uint64_t seed, std::size_t shards,
                          const std::set<std::size_t>& momentum) {
  return [=](std::size_t peer, std::size_t incarnation) -> std::unique_ptr<core::Replica> {
    gpu::ReplicaSpec spec;
    spec.model = *core::parse_model(fmt::format("quadratic:{}", dimension));
    spec.optimizer.learning_rate = 0.05F;
    spec.optimizer.momentum = 0.0F;
    if (momentum.contains(peer)) spec.optimizer.momentum = 0.5F;
    spec.seed = seed;
    spec.stream = peer + 1000 * incarnation;
    if (shards > 1) spec.shard_parameters = (dimension + shards - 1) / shards;
    auto replica = gpu::make_replica(spec);
    return replica ? std::move(*replica) : nullptr;
  };
}

Case draw_case(std::uint64_t seed, std::size_t window) {
  core::Rng rng(seed, 0, "swarm");
  const auto chance = [&rng] { return rng.below(2) == 0; };
  Case c;
  c.dimension = 8 + rng.below(600);
  c.spread_max = kSpreadMax;
  SimConfig& config = c.config;
  config.seed = seed;
  config.peers = 2 + rng.below(9);
  config.replay = fmt::format("sim_swarm --first {} --seeds 1", seed);
  if (window != 0) config.replay += fmt::format(" --window {}", window);
  config.recompute_every = 500;
  config.violations_max = 1;
  config.time_max = std::chrono::minutes(10);

  gossip::Config& gossip = config.gossip;
  gossip.steps_max = 600 + rng.below(400);
  gossip.exchange_every = static_cast<std::uint32_t>(rng.below(6));  // 0: automatic
  gossip.offer_codec = core::Codec{static_cast<std::uint8_t>(rng.below(core::kCodecCount))};
  gossip.transfer_codec = core::Codec{static_cast<std::uint8_t>(rng.below(core::kCodecCount))};
  gossip.staleness.kind = gossip::StalenessPolicy::Kind{static_cast<std::uint8_t>(rng.below(3))};
  gossip.save_every =
      chance() ? between(rng, milliseconds(50), milliseconds(1500)) : core::Duration{0};
  gossip.settle_max = std::chrono::seconds(30);
  gossip.linger = std::chrono::minutes(2);
  gossip.answer_max = between(rng, milliseconds(100), milliseconds(2000));
  gossip.retry = between(rng, milliseconds(50), milliseconds(300));
  gossip.retry_max = milliseconds(500);
  gossip.silent_max = between(rng, milliseconds(1200), milliseconds(3000));
  gossip.outbox_unreachable_max = rng.below(4);
  gossip.serve_queue_max = 1 + rng.below(4);

  if (rng.below(20) == 0) draw_large(rng, c);
  if (chance()) c.shards = 2 + rng.below(4);

  const core::Duration training = kStep * static_cast<std::int64_t>(gossip.steps_max);
  FaultPlan& faults = config.faults;
  if (chance()) config.step_time = Distribution::exponential(kStep);
  if (chance()) config.costs.mix = 0.5;
  if (chance()) faults.loss = 0.4 * rng.uniform();
  if (chance()) faults.duplicate = 0.4 * rng.uniform();
  if (chance()) faults.corrupt = 0.2 * rng.uniform();
  if (chance())
    faults.delay = Distribution::exponential(between(rng, milliseconds(1), milliseconds(100)));
  if (chance()) faults.bandwidth = 1e5 + 2e6 * rng.uniform() * rng.uniform();
  if (chance()) faults.stragglers.push_back({rng.below(config.peers), 1 + 4 * rng.uniform()});
  // Whatever parts the peers is over some seconds before they finish: one that finds itself alone
  // at the end has nobody to wait for, and leaves.
  const core::Duration last = training - std::chrono::seconds(4);
  for (std::uint64_t n = chance() ? 1 + rng.below(3) : 0; n > 0; --n) {
    const Cut::Shape shape{static_cast<std::uint8_t>(rng.below(3))};
    const core::Duration start = between(rng, {}, last);
    faults.cuts.push_back({start, between(rng, {}, last - start), shape});
  }
  draw_crashes(rng, config);
  if (chance()) faults.save_fails = rng.uniform();
  if (chance()) faults.torn = rng.uniform();
  if (chance()) draw_mixture(rng, c);
  if (chance()) draw_ends(rng, config, last);
  faults.calm_from = training - std::chrono::seconds(1);
  draw_windows(core::Rng(seed, 0, "window"), config, window);
  draw_backups(core::Rng(seed, 0, "backup"), config);
  return c;
}

std::string describe(const Case& c) {
  const gossip::Config& g = c.config.gossip;
  std::string text = fmt::format(
      "{} peers, {} steps, quadratic:{}, {} shards, exchange every {}, codecs {}/{}, save every "
      "{}, "
      "view {}, links {}, window {}, offers {}, {}",
      c.config.peers, g.steps_max, c.dimension, c.shards, g.exchange_every,
      to_string(g.offer_codec), to_string(g.transfer_codec), core::to_string(g.save_every),
      g.view_max, g.links_max, g.window, g.offers_max, to_flags(c.config.faults));
  for (const auto& [peer, own] : c.config.own) {
    text += fmt::format("; {}: rule {}, {} steps, every {}, settle {}, window {}", peer,
                        own.rule == gossip::Rule::kNone ? "none" : "average", own.steps_max,
                        own.exchange_every, core::to_string(own.settle_max), own.window);
  }
  for (const std::size_t peer : c.momentum) text += fmt::format("; {}: momentum", peer);
  return text;
}

std::vector<std::string> run_case(const Case& c, Outcome* outcome) {
  Groups groups(c.config.peers);
  std::set<std::pair<std::size_t, core::PeerId>> met;
  SimConfig config = c.config;
  config.on_report = [&](std::size_t peer, core::Duration now, const gossip::Report& report) {
    if (c.config.on_report) c.config.on_report(peer, now, report);
    const auto* exchange = std::get_if<gossip::ExchangeReport>(&report);
    if (exchange == nullptr || now < quiet_from(c.config.faults)) return;
    met.insert({peer, exchange->peer});
  };
  auto result = run(config, quadratics(c.dimension, c.config.seed, c.shards, c.momentum));
  if (!result) return {result.error().message + "; rerun: " + c.config.replay};
  std::vector<std::string> wrong = result->violations;
  const auto say = [&](const std::string& what) {
    wrong.push_back(what + "; rerun: " + c.config.replay);
  };
  const auto& meant = c.config.faults.divergences;
  for (std::size_t i = 0; i < result->peers.size(); ++i) {
    if (!result->peers[i].failure.starts_with("diverged") ||
        std::any_of(meant.begin(), meant.end(), [i](const Divergence& d) { return d.peer == i; })) {
      continue;
    }
    say(fmt::format("peer {} {}", i, result->peers[i].failure));
  }
  if (result->timed_out) say("not over after " + core::to_string(c.config.time_max));
  if (wrong.empty() && result->unresolved > 0)
    say(fmt::format("{} transfers unresolved", result->unresolved));
  for (std::size_t i = 0; i < result->peers.size(); ++i) {
    for (const auto& [peer, other] : met) {
      if (result->peers[i].id == other) groups.join(peer, i);
    }
  }
  const double spread = wrong.empty() ? spread_of_settled(c, *result, groups) : 0;
  if (!(spread < c.spread_max)) {
    say(fmt::format("the replicas do not contract: spread {:.3g}", spread));
  }
  if (outcome != nullptr) *outcome = std::move(*result);
  return wrong;
}

}  // namespace murmur::sim::test
