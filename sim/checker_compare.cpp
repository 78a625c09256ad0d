// What the checker compares: the ledger with what the machines on both sides of an edge say.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/checker.hpp"

namespace murmur::sim {
namespace {

/// Once no fault is left, a transfer between two that are up is settled within this: a link that
/// was given up is tried again every few seconds.
constexpr core::Duration kResolveMax = std::chrono::seconds(30);

/// Two lineages that met are one within this, once no fault is left.
constexpr core::Duration kOneLineageMax = std::chrono::seconds(10);

/// What was given so lately may still be under way when the run ends.
constexpr core::Duration kInFlightMax = std::chrono::seconds(5);

}  // namespace

bool Checker::active(Person who) const {
  const PersonState& person = persons_[who];
  return person.machine != nullptr && person.machine->phase() != gossip::Phase::kDone;
}

/// Both are up, and neither has had to give up the other for want of room.
bool Checker::must_resolve(const Pair& pair) const {
  const auto has_room = [this](Person who) {
    const PersonState& person = persons_[who];
    return person.machine->neighbours().size() < person.config.links_max;
  };
  return active(pair.low) && active(pair.high) && has_room(pair.low) && has_room(pair.high);
}

void Checker::check(Person who, bool lane_busy, std::span<const Person> others) {
  if (observed_.kind != Observed::Kind::kNone) {
    expect(observed_.reported, [&] {
      return name(who) + (observed_.kind == Observed::Kind::kGave
                              ? ": an applied response made no transfer"
                              : ": an applied transfer went unreported");
    });
    observed_ = {};
  }
  // Only a machine that has just handled an event can have forgotten an edge.
  if (PersonState& person = persons_[who];
      person.machine != nullptr && person.edges_forgotten != person.machine->edges_forgotten()) {
    begin_edges(person);
  }
  check_peer(who, lane_busy);
  for (const Person other : others) {
    const std::int64_t index = ledger_.find(who, other);
    if (index >= 0) check_pair(ledger_.at(static_cast<std::uint32_t>(index)));
  }
}

void Checker::check_peer(Person who, bool lane_busy) {
  const PersonState& person = persons_[who];
  if (person.machine == nullptr) return;
  const std::size_t bound =
      person.config.serve_queue_max + person.config.window * person.config.links_max + 8;
  const std::size_t queued = person.machine->queued();
  expect(queued <= bound, [&] {
    return fmt::format("{} has {} works queued, more than {}", name(who), queued, bound);
  });
  expect(lane_busy || person.machine->phase() != gossip::Phase::kTraining,
         [&] { return name(who) + " trains, but has nothing to do"; });
  if (person.config.save_every.count() == 0) return;
  expect(!person.unsaved || person.saves_failed >= person.config.save_tries_max ||
             person.machine->phase() != gossip::Phase::kDone || person.machine->failure(),
         [&] {
           return fmt::format("{} left with what it did last unsaved, after {} tries", name(who),
                              person.saves_failed);
         });
}

std::uint32_t Checker::pair_of(Person a, Person b) {
  if (const std::int64_t known = ledger_.find(a, b); known >= 0)
    return static_cast<std::uint32_t>(known);
  const std::uint32_t index = ledger_.pair(a, b);
  const auto first_life = [&](Person who) {
    return persons_[who].boot == 1 && persons_[who].machine != nullptr;
  };
  // Where neither has ever come back there is nothing to compare notes about.
  if (first_life(a) && first_life(b)) ledger_.at(index).agreed[0] = ledger_.at(index).agreed[1] = 1;
  return index;
}

void Checker::begin_edges(PersonState& person) {
  ++person.edges_epoch;
  person.edges_forgotten = person.machine->edges_forgotten();
  person.edges_known = 0;
}

void Checker::find_edges(Pair& pair) {
  PersonState* sides[2] = {&persons_[pair.low], &persons_[pair.high]};
  for (int i = 0; i < 2; ++i) {
    PersonState& person = *sides[i];
    Pair::Remembered& remembered = pair.edge[i];
    if (person.machine == nullptr) {
      remembered = {};
      continue;
    }
    if (remembered.epoch == person.edges_epoch && remembered.edge != nullptr) continue;
    remembered = {person.machine->edge(sides[1 - i]->id), person.edges_epoch};
    if (remembered.edge != nullptr) ++person.edges_known;
  }
}

void Checker::check_pair(Pair& pair) {
  find_edges(pair);
  check_flow(pair, 0);
  check_flow(pair, 1);
}

void Checker::check_flow(const Pair& pair, int direction) {
  const PersonState& maker = persons_[pair.maker(direction)];
  const PersonState& taker = persons_[pair.taker(direction)];
  const Flow& flow = pair.flow[direction];
  const auto where = [&] {
    return fmt::format("from {} to {}", name(pair.maker(direction)), name(pair.taker(direction)));
  };
  const gossip::Edge* from = pair.edge[direction].edge;
  const gossip::Edge* to = pair.edge[1 - direction].edge;
  static const std::vector<gossip::OutboxEntry> kNothing;
  const std::vector<gossip::OutboxEntry>& pending = from != nullptr ? from->outbox() : kNothing;
  const core::TransferId seen = to != nullptr ? to->highest_seen() : core::TransferId{};
  if (!pending.empty()) {
    expect(flow.gave.size() >= pending.size() &&
               std::equal(pending.begin(), pending.end(), flow.gave.end() - pending.size(),
                          [](const gossip::OutboxEntry& entry, const Gave& gave) {
                            return entry.id == gave.id;
                          }),
           [&] {
             return fmt::format("the outbox {} holds {} to {}, which is not what was applied last",
                                where(), to_string(pending.front().id),
                                to_string(pending.back().id));
           });
  }
  if (taker.machine != nullptr && !flow.took.empty()) {
    expect(flow.took.back().id <= seen, [&] {
      return fmt::format("{} was applied {} but is not marked as seen",
                         to_string(flow.took.back().id), where());
    });
  }
  if (maker.machine == nullptr || taker.machine == nullptr) return;
  std::int64_t left = 0;
  const bool agreed =
      pair.agreed[direction == 0 ? 1 : 0] == maker.boot && !repeats(maker) && !repeats(taker);
  for (const Open& open : flow.open) {
    if (!open.given) {
      --left;
      expect(open.id.boot < maker.boot || repeats(maker), [&] {
        return fmt::format("{} is held {} by the taker only", to_string(open.id), where());
      });
      continue;
    }
    const bool in_outbox = !pending.empty() && open.id >= pending.front().id;
    if (in_outbox && open.id > seen) {  // in flight
      const core::Duration since = std::max(flow.find_gave(open.id)->at, quiet_from_);
      expect(now_ - since <= kResolveMax || !must_resolve(pair), [&] {
        return fmt::format("{} {} stays unresolved, {} s after the last fault", to_string(open.id),
                           where(), core::seconds(now_ - since));
      });
      continue;
    }
    ++left;
    if (agreed) {
      expect(open.id <= seen, [&] {
        return fmt::format("{} {} was applied by its maker only, and is in no outbox",
                           to_string(open.id), where());
      });
    }
  }
  if (!agreed) return;
  std::int64_t said = 0;
  if (to != nullptr) {
    said = static_cast<std::int64_t>(to->lost_here + to->refused + to->voided) -
           static_cast<std::int64_t>(to->lost_there);
  }
  expect(left == said, [&] {
    return fmt::format("ledger and in flight do not sum to zero {}: {:+} left, {:+} accounted for",
                       where(), left, said);
  });
}

void Checker::recompute() {
  for (Person who = 0; who < persons_.size(); ++who) recompute_peer(who);
  std::vector<Pair>& pairs = ledger_.pairs();
  for (std::uint32_t i = 0; i < pairs.size(); ++i) {
    Pair& pair = pairs[i];
    expect(Ledger::open_holds(pair.flow[0]) && Ledger::open_holds(pair.flow[1]), [&] {
      return fmt::format("the ledger between {} and {} is not what was given less what was taken",
                         name(pair.low), name(pair.high));
    });
    check_pair(pair);
    check_lineages(pair);
    ledger_.compact(i);
  }
  if (probing_) check_sum();
}

/// One lineage yields, unless its peers found the other's parameters clearly worse.
void Checker::check_lineages(Pair& pair) {
  const auto up = [this](Person who, Person other) {
    const auto all = persons_[who].machine->neighbours();
    return std::any_of(all.begin(), all.end(), [&](const gossip::NeighbourView& n) {
      return n.up && n.id == persons_[other].id;
    });
  };
  const auto lineage = [this](Person who) { return persons_[who].machine->status().lineage; };
  const bool differ = active(pair.low) && active(pair.high) && lineage(pair.low) != 0 &&
                      lineage(pair.high) != 0 && lineage(pair.low) != lineage(pair.high) &&
                      up(pair.low, pair.high) && up(pair.high, pair.low);
  if (!differ) {
    pair.differ_since = core::Duration{0};
    return;
  }
  if (pair.differ_since.count() == 0) pair.differ_since = now_;
  const auto refused = [this](Person who) {
    return persons_[who].machine->counters().lineages_refused > 0;
  };
  const core::Duration since = std::max(pair.differ_since, quiet_from_);
  expect(now_ - since <= kOneLineageMax || refused(pair.low) || refused(pair.high), [&] {
    return fmt::format("{} and {} are of two lineages, {} s after they met", name(pair.low),
                       name(pair.high), core::seconds(now_ - since));
  });
}

void Checker::recompute_peer(Person who) {
  PersonState& person = persons_[who];
  if (person.machine == nullptr) return;
  // Every edge that the machine speaks of is checked with the pairs, used or not.
  if (person.edges_known != person.machine->edges().size()) {
    for (const auto& [id, edge] : person.machine->edges()) {
      const std::int64_t other = find(id);
      expect(other >= 0, [&] { return name(who) + " has an edge to nobody"; });
      if (other >= 0) find_edges(ledger_.at(pair_of(who, static_cast<Person>(other))));
    }
  }
  std::size_t unreached = 0;
  // One that has just come back from its checkpoint reaches nobody yet.
  for (const gossip::NeighbourView& neighbour : person.machine->neighbours()) {
    const gossip::Edge* edge = neighbour.up ? nullptr : person.machine->edge(neighbour.id);
    if (edge == nullptr) continue;
    unreached += static_cast<std::size_t>(
        std::count_if(edge->outbox().begin(), edge->outbox().end(),
                      [](const gossip::OutboxEntry& entry) { return entry.delta != nullptr; }));
  }
  expect(person.restored || unreached <= person.config.outbox_unreachable_max, [&] {
    return fmt::format("{} keeps the payloads of {} transfers to neighbours that it does not reach",
                       name(who), unreached);
  });
  if (!probing_) return;
  const Reading reading = probe_.read(*person.replica);
  expect(reading.value == person.now.reading.value && std::isfinite(reading.magnitude),
         [&] { return name(who) + ": its parameters changed outside its lane"; });
}

/// Training, joins and leaves aside, the sum over all replicas is what it was, but for what only
/// one side of an edge holds.
void Checker::check_sum() {
  double sum = 0;
  double expected = 0;
  for (const PersonState& person : persons_) {
    if (person.machine == nullptr) continue;
    sum += person.now.reading.value;
    expected += person.now.base + person.now.trained_moved;
  }
  for (const Pair& pair : ledger_.pairs()) {
    const bool both =
        persons_[pair.low].machine != nullptr && persons_[pair.high].machine != nullptr;
    for (int direction = 0; direction < 2; ++direction) {
      const Flow& flow = pair.flow[direction];
      if (both) {
        for (const Open& open : flow.open) expected += open.moved;
      } else {
        if (persons_[pair.maker(direction)].machine != nullptr) expected += flow.gave_sum;
        if (persons_[pair.taker(direction)].machine != nullptr) expected += flow.took_sum;
      }
    }
  }
  expect(std::abs(sum - expected) <= slack_ + 1e-9, [&] {
    return fmt::format("the sum over all replicas is {:.12g}, not {:.12g} (within {:.3g})", sum,
                       expected, slack_);
  });
}

std::uint64_t Checker::unresolved() {
  std::uint64_t count = 0;
  for (const Pair& pair : ledger_.pairs()) {
    if (!must_resolve(pair)) continue;
    for (int direction = 0; direction < 2; ++direction) {
      const gossip::Edge* from =
          persons_[pair.maker(direction)].machine->edge(persons_[pair.taker(direction)].id);
      const gossip::Edge* to =
          persons_[pair.taker(direction)].machine->edge(persons_[pair.maker(direction)].id);
      if (from == nullptr) continue;
      for (const gossip::OutboxEntry& entry : from->outbox()) {
        if (to != nullptr && to->already_seen(entry.id)) continue;
        const Gave* gave = pair.flow[direction].find_gave(entry.id);
        if (gave == nullptr || now_ - gave->at > kInFlightMax) ++count;
      }
    }
  }
  return count;
}

}  // namespace murmur::sim
