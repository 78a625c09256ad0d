#include "sim/checker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "gossip/wire.hpp"

namespace murmur::sim {
namespace {

constexpr std::uint64_t kNumberBits = 24;
constexpr std::uint64_t kNumberMask = (std::uint64_t{1} << kNumberBits) - 1;

/// A change x += w q rounds the product and the sum, each to 2^-24 of its size; twice that.
constexpr double kRounding = 0x1p-22;

/// So many mixings may follow each other without a training step between them.
constexpr int kMixingsMax = 4;

}  // namespace

Checker::Checker(core::Duration quiet_from, bool probing, std::uint64_t seed, std::string replay,
                 std::size_t violations_max)
    : quiet_from_(quiet_from),
      probing_(probing),
      replay_(std::move(replay)),
      violations_max_(violations_max),
      probe_(seed) {}

void Checker::violate(std::string what) {
  if (violations_.size() >= violations_max_) return;
  violations_.push_back(fmt::format("at {:.6f} s, event {}: {}; rerun: {}", core::seconds(now_),
                                    event_, what, replay_));
}

std::string Checker::name(Person who) const {
  return fmt::format("peer {} ({})", persons_[who].peer, core::short_name(persons_[who].id));
}

// ---- a peer's life ----

core::PeerId Checker::number_id(core::PeerId random, Person number) {
  return {random.high, (random.low & ~kNumberMask) | number};
}

std::int64_t Checker::find(core::PeerId id) const {
  const std::uint64_t number = id.low & kNumberMask;
  return number < persons_.size() && persons_[number].id == id ? static_cast<std::int64_t>(number)
                                                               : -1;
}

Person Checker::add_person(core::PeerId id, std::uint32_t peer) {
  const auto who = static_cast<Person>(persons_.size());
  persons_.emplace_back();
  persons_.back().id = id;
  persons_.back().peer = peer;
  return who;
}

void Checker::started(Person who, const gossip::Machine& machine, core::Replica& replica,
                      const gossip::Config& config, bool restored, bool can_crash) {
  PersonState& person = persons_[who];
  person.config = config;
  person.claims = {};
  person.diverged = false;
  person.restored = restored;
  person.unsaved = false;
  person.saves_failed = 0;
  person.machine = &machine;
  person.replica = &replica;
  person.boot = machine.self().boot;
  begin_edges(person);
  ++person.incarnation;
  if (can_crash) {
    ledger_.remember(who);
  } else {
    ledger_.set_final(who);
  }
  if (restored) {
    person.now = person.saved;
    if (!probing_) return;
    const Reading reading = probe_.read(replica);
    expect(reading.value == person.saved.reading.value, [&] {
      return fmt::format("{} came back with other parameters than its checkpoint had", name(who));
    });
    return;
  }
  person.now = {};
  if (probing_) {
    person.now.reading = probe_.read(replica);
    person.now.base = person.now.reading.value;
  }
  person.saved = person.saved_before = person.now;
}

void Checker::crashed(Person who, bool comes_back) {
  PersonState& person = persons_[who];
  person.machine = nullptr;
  person.replica = nullptr;
  person.boot_before = std::max(person.boot_before, person.boot);
  person.kept_offers.clear();
  person.offers = 0;
  forget_agreed(who);
  if (comes_back) ledger_.roll_back(who);
}

/// The same process goes on as another boot.
void Checker::reborn(Person who, core::Boot boot) {
  PersonState& person = persons_[who];
  expect(boot > person.boot, [&] { return fmt::format("{} uses boot {} again", name(who), boot); });
  person.boot = boot;
  forget_agreed(who);
}

void Checker::forget_agreed(Person who) {
  for (Pair& pair : ledger_.pairs()) {
    if (pair.low != who && pair.high != who) continue;
    pair.agreed[who == pair.low ? 0 : 1] = 0;
  }
}

void Checker::torn(Person who) {
  ledger_.lose_checkpoint(who);
  persons_[who].saved = persons_[who].saved_before;
}

void Checker::backed_up(Person who) {
  PersonState& person = persons_[who];
  person.copies.emplace_back(person.saved, person.saved_before);
  ledger_.mark(who);
}

void Checker::put_back(Person who, std::size_t ago) {
  PersonState& person = persons_[who];
  person.copies.resize(person.copies.size() - ago);
  std::tie(person.saved, person.saved_before) = person.copies.back();
  ledger_.go_back(who, ago);
  // Others may have agreed with a boot that comes again.
  for (Pair& pair : ledger_.pairs()) {
    if (pair.low == who) pair.agreed[1] = 0;
    if (pair.high == who) pair.agreed[0] = 0;
  }
}

// ---- the lane ----

void Checker::work_begins(Person who) { persons_[who].lane_began_ns = now_.count(); }

void Checker::work_ends(Person who, const gossip::Work& work) {
  PersonState& person = persons_[who];
  observed_ = {};
  const bool trains = person.machine->phase() == gossip::Phase::kTraining;
  const bool mixes = std::holds_alternative<gossip::MakeOffer>(work) ||
                     std::holds_alternative<gossip::Respond>(work) ||
                     std::holds_alternative<gossip::Absorb>(work);
  person.mixings = mixes && trains ? person.mixings + 1 : 0;
  expect(person.mixings <= kMixingsMax, [&] {
    return fmt::format("{} has mixed {} times without training", name(who), person.mixings);
  });
  if (const auto* respond = std::get_if<gossip::Respond>(&work)) {
    expect(respond->seed != person.rounding,
           [&] { return name(who) + " rounds two responses by one seed"; });
    person.rounding = respond->seed;
    observed_.offer = respond->offer;
    observed_.weight = respond->weight;
  } else if (const auto* absorb = std::get_if<gossip::Absorb>(&work)) {
    observed_.crc = core::crc32c(core::view(absorb->delta));
    observed_.weight = absorb->weight;
  }
}

void Checker::work_performed(Person who, const gossip::WorkResult& result) {
  PersonState& person = persons_[who];
  expect(!person.diverged,
         [&] { return name(who) + " goes on with a replica whose training gave NaN"; });
  if (const auto* trained = std::get_if<gossip::Trained>(&result);
      trained != nullptr && !trained->stats.finite) {
    person.diverged = true;  // which may be the plan's doing; it must end here
    return;
  }
  double moved = 0;
  double slack = 0;
  const bool changes = std::holds_alternative<gossip::Trained>(result) ||
                       std::holds_alternative<gossip::Responded>(result) ||
                       std::holds_alternative<gossip::Absorbed>(result) ||
                       std::holds_alternative<gossip::Adopted>(result);
  if (changes) person.unsaved = true;
  if (probing_ && changes) {
    const Reading reading = probe_.read(*person.replica);
    moved = reading.value - person.now.reading.value;
    slack = kRounding * (reading.magnitude + person.now.reading.magnitude) + 1e-30;
    person.now.reading = reading;
    expect(std::isfinite(reading.magnitude),
           [&] { return name(who) + ": a parameter is not finite"; });
  }
  if (const auto* trained = std::get_if<gossip::Trained>(&result)) {
    person.now.trained += trained->steps;
    person.now.trained_moved += moved;
  } else if (const auto* adopted = std::get_if<gossip::Adopted>(&result)) {
    // A join; in place of other parameters, it has left with those.
    person.now.base += moved;
    if (adopted->boot > 0) reborn(who, adopted->boot);
  } else if (const auto* raised = std::get_if<gossip::BootRaised>(&result)) {
    if (raised->boot) reborn(who, *raised->boot);
  } else if (const auto* made = std::get_if<gossip::OfferMade>(&result)) {
    if (person.kept_offers.empty()) person.kept_offers.resize(kOffersKept);
    person.kept_offers[person.offers % kOffersKept] = {
        made->payload,
        {true, person.incarnation, person.offers, person.now.trained, person.lane_began_ns,
         person.machine->status().lineage}};
    ++person.offers;
  } else if (const auto* responded = std::get_if<gossip::Responded>(&result)) {
    if (responded->mix) {
      observed_.kind = Observed::Kind::kGave;
      observed_.crc = core::crc32c(core::view(responded->delta));
    }
  } else if (const auto* absorbed = std::get_if<gossip::Absorbed>(&result)) {
    if (absorbed->mix) observed_.kind = Observed::Kind::kTook;
  } else if (const auto* saved = std::get_if<gossip::Saved>(&result)) {
    ++person.saves_failed;
    if (saved->result) {
      person.unsaved = false;
      person.saves_failed = 0;
      person.saved_before = std::exchange(person.saved, person.now);
      ledger_.kept(who);
    }
  }
  if (observed_.kind == Observed::Kind::kNone &&
      (std::holds_alternative<gossip::Responded>(result) ||
       std::holds_alternative<gossip::Absorbed>(result))) {
    expect(moved == 0, [&] { return name(who) + ": a mixing that failed changed the replica"; });
  }
  observed_.moved = moved;
  observed_.slack = slack;
  slack_ += slack;
}

// ---- what the machine said ----

void Checker::exchanged(Person who, const gossip::ExchangeReport& report) {
  const std::int64_t other = find(report.peer);
  const bool gives = !report.initiated;
  const auto kind = gives ? Observed::Kind::kGave : Observed::Kind::kTook;
  expect(other >= 0 && observed_.kind == kind && !observed_.reported, [&] {
    return fmt::format("{} reports {} transfer {} with {}, but its replica did not", name(who),
                       gives ? "giving" : "taking", to_string(report.id),
                       core::short_name(report.peer));
  });
  if (other < 0 || observed_.kind != kind || observed_.reported) return;
  observed_.reported = true;
  expect(report.weight == observed_.weight, [&] {
    return fmt::format("{} reports weight {} for {}, applied {}", name(who), report.weight,
                       to_string(report.id), observed_.weight);
  });
  if (gives) {
    gave(who, static_cast<Person>(other), report);
  } else {
    took(who, static_cast<Person>(other), report);
  }
}

void Checker::gave(Person who, Person other, const gossip::ExchangeReport& report) {
  const std::uint32_t index = pair_of(who, other);
  Pair& pair = ledger_.at(index);
  const int direction = pair.direction_from(who);
  Flow& flow = pair.flow[direction];
  expect(report.id.boot == persons_[who].boot && report.id.seq > 0 &&
             (flow.gave.empty() || flow.gave.back().id < report.id) && !flow.has_taken(report.id),
         [&] {
           return fmt::format("{} numbers a transfer to {} {}, which was used", name(who),
                              name(other), to_string(report.id));
         });
  if (!flow.gave.empty() && flow.gave.back().id >= report.id) return;
  const gossip::Edge* edge = persons_[who].machine->edge(report.peer);
  const gossip::OutboxEntry* outbox =
      edge != nullptr && !edge->outbox().empty() ? &edge->outbox().back() : nullptr;
  // An unreachable taker's entry may lose its payload at once, but not its id.
  expect(outbox != nullptr && outbox->id == report.id && outbox->weight == observed_.weight &&
             (!outbox->delta || core::crc32c(*outbox->delta) == observed_.crc),
         [&] {
           return fmt::format("{} applied transfer {} to {}, but its outbox holds another",
                              name(who), to_string(report.id), name(other));
         });
  if (outbox != nullptr) {
    expect(edge->outbox().size() <= persons_[who].config.window, [&] {
      return fmt::format("{} has {} unreceipted transfers to {}, past its window of {}", name(who),
                         edge->outbox().size(), name(other), persons_[who].config.window);
    });
    expect(flow.answered < outbox->offer, [&] {
      return fmt::format("{} answers offer ({}, {}) of {} a second time", name(who),
                         outbox->offer.boot, outbox->offer.number, name(other));
    });
    flow.answered = outbox->offer;
  }
  const OfferMade offer = find_offer(other, observed_.offer);
  const core::Lineage lineage = persons_[who].machine->status().lineage;
  expect(!offer.known || offer.lineage == lineage, [&] {
    return fmt::format("{} mixes with an offer of {} of another lineage", name(who), name(other));
  });
  ledger_.give(index, direction,
               {report.id, now_, observed_.weight, observed_.crc, observed_.moved, observed_.slack,
                offer, lineage});
}

void Checker::took(Person who, Person other, const gossip::ExchangeReport& report) {
  const std::uint32_t index = pair_of(who, other);
  Pair& pair = ledger_.at(index);
  const int direction = pair.direction_from(other);
  Flow& flow = pair.flow[direction];
  const bool rises = flow.took.empty() || flow.took.back().id < report.id;
  expect(rises, [&] {
    return flow.has_taken(report.id) || report.id == flow.took.back().id
               ? fmt::format("{} applied transfer {} of {} twice", name(who), to_string(report.id),
                             name(other))
               : fmt::format("{} applied transfer {} of {} after a later one", name(who),
                             to_string(report.id), name(other));
  });
  if (!rises) return;
  if (const Gave* gave = flow.find_gave(report.id)) {
    expect(gave->crc == observed_.crc && gave->weight == observed_.weight, [&] {
      return fmt::format("{} applied as {} of {} something else than was sent", name(who),
                         to_string(report.id), name(other));
    });
    const double error = std::abs(gave->moved + observed_.moved);
    expect(error <= gave->slack + observed_.slack, [&] {
      return fmt::format(
          "transfer {} from {} to {} does not conserve the sum: {:+.9g} there, {:+.9g} here",
          to_string(report.id), name(other), name(who), gave->moved, observed_.moved);
    });
    expect(gave->lineage == persons_[who].machine->status().lineage, [&] {
      return fmt::format("{} applied transfer {} of {}, made of another lineage", name(who),
                         to_string(report.id), name(other));
    });
    check_staleness(who, gave->offer, report);
  } else {
    const PersonState& maker = persons_[other];
    expect(report.id.boot < maker.boot || repeats(maker) || maker.machine == nullptr, [&] {
      return fmt::format("{} applied transfer {} of {}, which was never made", name(who),
                         to_string(report.id), name(other));
    });
  }
  ledger_.take(index, direction, {report.id, observed_.moved});
  // Checked above, but where the maker has forgotten the transfer.
  if (report.age.count() > 0) persons_[who].claims.exchanged(report.staleness);
}

void Checker::check_staleness(Person who, const OfferMade& offer,
                              const gossip::ExchangeReport& report) {
  const PersonState& person = persons_[who];
  if (!offer.known || offer.incarnation != person.incarnation) return;
  // A peer remembers only its last offers; of an older one it reports no age.
  constexpr std::uint64_t kRemembered = 8;
  if (report.age.count() == 0 && person.offers - offer.number > kRemembered) return;
  const std::uint64_t staleness = person.now.trained - offer.trained;
  const std::int64_t age = now_.count() - offer.at_ns;
  expect(report.staleness == staleness && report.age.count() == age, [&] {
    return fmt::format("{} reports staleness {} steps and {} ns for transfer {}; it is {} and {}",
                       name(who), report.staleness, report.age.count(), to_string(report.id),
                       staleness, age);
  });
}

OfferMade Checker::find_offer(Person maker, const core::Payload& payload) const {
  for (const KeptOffer& kept : persons_[maker].kept_offers) {
    const bool same = !kept.payload.owner_before(payload) && !payload.owner_before(kept.payload);
    if (payload && same) return kept.made;
  }
  return {};
}

void Checker::linked(Person who, core::PeerId id) {
  const std::int64_t other = find(id);
  if (other < 0) return;
  PersonState& a = persons_[who];
  Pair& pair = ledger_.at(pair_of(who, static_cast<Person>(other)));
  core::Boot& agreed = pair.agreed[who == pair.low ? 0 : 1];
  if (agreed == 1 && persons_[static_cast<Person>(other)].boot == 1) return;
  for (const gossip::NeighbourView& view : a.machine->neighbours()) {
    if (view.id == id) agreed = view.boot;
  }
}

void Checker::sends(Person who, const core::Bytes& head, const core::Payload& payload) {
  const auto header = gossip::wire::peek(head, core::view(payload), core::view(payload).size());
  const bool is_offer = header && header->type == gossip::wire::Type::kOffer;
  const bool is_receipt = header && header->type == gossip::wire::Type::kReceipt;
  if (!is_offer && !is_receipt) return;
  const auto body = gossip::wire::parse(*header, head);
  expect(body.has_value(), [&] { return name(who) + " sends what cannot be read"; });
  if (!body) return;
  if (is_receipt) return receipts(who, header->dst, std::get<gossip::wire::Receipt>(*body));
  const std::uint32_t claim = std::get<gossip::wire::Offer>(*body).expected_staleness;
  expect(persons_[who].claims.plausible(claim), [&] {
    return fmt::format(
        "{} offers with an expected staleness of {}, which its exchanges do not bear out",
        name(who), claim);
  });
}

/// What a receipt says of each transfer is what the ledger knows of it: the taker holds it, or not.
void Checker::receipts(Person who, core::PeerId maker, const gossip::wire::Receipt& receipt) {
  const std::int64_t other = find(maker);
  if (other < 0) return;
  Pair& pair = ledger_.at(pair_of(who, static_cast<Person>(other)));
  const int direction = pair.direction_from(static_cast<Person>(other));
  const Flow& flow = pair.flow[direction];
  const gossip::Edge* edge = persons_[who].machine->edge(maker);
  for (const gossip::Decided& decided : receipt.decided) {
    const auto says = [&](std::string_view what) {
      return fmt::format("{} receipts {} of {}, {}", name(who), to_string(decided.id),
                         name(static_cast<Person>(other)), what);
    };
    expect(edge != nullptr && edge->already_seen(decided.id),
           [&] { return says("which it has not decided"); });
    // What both sides hold may be left out of the ledger; what is rolled back at its maker's, is.
    if (flow.has_taken(decided.id)) {
      expect(!decided.refused, [&] { return says("which it applied, as refused"); });
    } else if (flow.find_gave(decided.id) != nullptr) {
      expect(decided.refused, [&] { return says("which it did not apply, as applied"); });
    }
    expect(decided.refused || std::all_of(decided.shares.begin(), decided.shares.end(),
                                          [](std::uint16_t s) { return s == gossip::kWholeShare; }),
           [&] { return says("which it applied whole, in part"); });
  }
}

void Checker::entered(Person who, gossip::Phase phase, bool at_once) {
  PersonState& person = persons_[who];
  if (phase == gossip::Phase::kLingering) person.lingers = now_;
  if (phase != gossip::Phase::kDone || at_once || person.machine->failure() ||
      person.config.rule == gossip::Rule::kNone || now_ - person.lingers >= person.config.linger) {
    return;
  }
  for (const gossip::NeighbourView& neighbour : person.machine->neighbours()) {
    const gossip::Edge* edge = neighbour.up ? person.machine->edge(neighbour.id) : nullptr;
    expect(edge == nullptr || edge->outbox().empty(), [&] {
      return fmt::format("{} left while {} owed it a receipt, with time to linger", name(who),
                         core::short_name(neighbour.id));
    });
  }
}

}  // namespace murmur::sim
