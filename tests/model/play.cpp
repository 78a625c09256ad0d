#include "tests/model/play.hpp"

#include <algorithm>

namespace murmur::model {

Id newest_taking(const Peer& taker) {
  const Id lane = taker.lane == Lane::kTaking ? taker.in_lane : -1;
  return std::max(lane, last(taker.queued));
}

Id oldest_pending(const Giving& giving) {
  return giving.pending != 0 ? first(giving.pending) : kIds;
}

// ---- the net ---------------------------------------------------------------------------------

/// Every message names both boots: one for another boot, or from an older one than the newest
/// heard, is dropped.
bool Play::deliverable(const Message& m) const {
  const Peer& from = state_.peer[m.from];
  const Peer& to = state_.peer[1 - m.from];
  if (to.alive == 0 || m.dst_boot != to.boot || m.src_boot < to.heard) return false;
  // A boot that never was, or one number of two lives (kBootNotCounted): no matter.
  if (m.src_boot > from.boot) return false;
  const bool taken = m.kind == Kind::kResume && to.took != 0 && m.src_boot == to.heard;
  return !taken || broken(Mutant::kResumeTakenAgain);
}

void Play::send(int who, Message message) {
  message.from = static_cast<std::uint8_t>(who);
  message.src_boot = at(who).boot;
  message.dst_boot = at(who).heard;
  if (!deliverable(message)) return;
  const auto place = std::lower_bound(state_.net.begin(), state_.net.end(), message);
  if (place == state_.net.end() || *place != message) state_.net.insert(place, message);
}

void Play::tidy() {
  std::erase_if(state_.net, [this](const Message& m) { return !deliverable(m); });
  if (!setup_.durable) return;
  for (Peer& peer : state_.peer) {
    peer.now.giving.newest_from = peer.now.giving.before_from =
        static_cast<std::uint8_t>(oldest_pending(peer.now.giving));
    peer.newest = peer.before = peer.now;
  }
}

bool Play::deliver(const Message& message) {
  const int who = 1 - message.from;
  // Until the sender's Resume is taken, nothing else of it is looked at.
  if (message.src_boot != at(who).heard) return false;
  if (message.kind == Kind::kResume) return on_resume(who, message);
  if (at(who).took == 0) return false;
  switch (message.kind) {
    case Kind::kOffer:
      return on_offer(who, message);
    case Kind::kTransfer:
      return on_transfer(who, message);
    case Kind::kVoid:
      return on_void(who, message);
    default:
      return on_receipt(who, message);
  }
}

// ---- lives -----------------------------------------------------------------------------------

bool Play::crash(int who, bool torn) {
  Peer& p = at(who);
  if (p.alive == 0 || p.boot >= setup_.boots || state_.crashes >= setup_.crashes) return false;
  if (torn) p.newest = p.before;
  Peer restarted;
  restarted.now = restarted.newest = p.newest;
  restarted.before = torn ? p.newest : p.before;
  restarted.boot = broken(Mutant::kBootNotCounted) ? p.boot : static_cast<std::uint8_t>(p.boot + 1);
  if (broken(Mutant::kOutboxNotSaved)) restarted.now.giving.pending = 0;
  if (broken(Mutant::kSeenNotSaved)) restarted.now.taking.seen = restarted.now.taking.gone = {};
  if (broken(Mutant::kVerdictNotSaved)) restarted.now.taking.part = restarted.now.taking.none = 0;
  p = restarted;
  ++state_.crashes;
  return true;
}

bool Play::die(int who) {
  if (at(0).alive == 0 || at(1).alive == 0) return false;
  at(who) = Peer{};
  at(who).alive = 0;
  return true;
}

bool Play::save(int who) {
  Peer& p = at(who);
  if (p.alive == 0 || setup_.durable) return false;
  Kept next = p.now;
  next.giving.before_from = p.now.giving.newest_from;
  next.giving.newest_from = static_cast<std::uint8_t>(oldest_pending(p.now.giving));
  p.before = p.newest;
  p.newest = p.now = next;
  return true;
}

bool Play::hear(int who, int boot) {
  Peer& p = at(who);
  if (p.alive == 0 || boot <= p.heard) return false;
  p.heard = static_cast<std::uint8_t>(boot);
  p.took = 0;
  p.pending_there = 0;
  if (!broken(Mutant::kQueueOutlivesBoot)) {
    for (Id id = 0; id < kIds; ++id) {
      if (has(p.queued, id)) p.queued_offer[id] = 0;
    }
    p.queued = 0;
  }
  return true;
}

// ---- giving ----------------------------------------------------------------------------------

bool Play::on_offer(int who, const Message& message) {
  Peer& p = at(who);
  Giving& giving = p.now.giving;
  if (p.lane != Lane::kFree) return false;  // later, as everything may be
  if (message.offer <= giving.answered && !broken(Mutant::kOfferAnsweredTwice)) return false;
  if (count(giving.created & of_boot(p.boot)) >= setup_.seqs) return false;
  giving.answered = message.offer;
  // Else it declines, which decides on the offer too.
  if (count(giving.pending) < setup_.window || broken(Mutant::kWindowIgnored)) {
    p.lane = Lane::kServing;
    p.in_lane = message.offer;
  }
  return true;
}

bool Play::end_serve(int who) {
  Peer& p = at(who);
  if (p.lane != Lane::kServing) return false;
  Giving& giving = p.now.giving;
  const Offer offer = p.in_lane;
  p.lane = Lane::kFree;
  p.in_lane = 0;
  const Id id = make_id(p.boot, count(giving.created & of_boot(p.boot)) + 1);
  if (has(state_.ever_created[who], id)) violate("a number is used twice");
  if ((state_.decided[1 - who] >> offer & 1U) != 0) violate("one offer leads to two transfers");
  state_.ever_created[who] |= one(id);
  state_.decided[1 - who] = static_cast<std::uint16_t>(state_.decided[1 - who] | 1U << offer);
  giving.given |= one(id);
  giving.created |= one(id);
  giving.pending |= one(id);
  giving.offer[id] = static_cast<std::uint8_t>(offer);
  if (count(giving.pending) > setup_.window) violate("more is unreceipted than the window allows");
  if (p.took != 0) send_transfer(who, id);
  return true;
}

void Play::send_transfer(int who, Id id) {
  const Giving& giving = at(who).now.giving;
  Message m;
  m.kind = has(giving.voided, id) ? Kind::kVoid : Kind::kTransfer;
  m.id = static_cast<std::uint8_t>(id);
  m.offer = m.kind == Kind::kVoid ? std::uint8_t{0} : giving.offer[id];
  Id settled = oldest_pending(giving);
  if (!broken(Mutant::kVerdictDroppedWhenHeard)) {
    settled = std::min<Id>(settled, giving.newest_from);
    if (!broken(Mutant::kVerdictDroppedAtSave)) settled = std::min<Id>(settled, giving.before_from);
  }
  m.settled = static_cast<std::uint8_t>(settled);
  send(who, m);
}

bool Play::send_pending(int who) {
  const Peer& p = at(who);
  if (p.alive == 0 || p.took == 0 || p.now.giving.pending == 0) return false;
  for (Id id = 0; id < kIds; ++id) {
    if (has(p.now.giving.pending, id)) send_transfer(who, id);
  }
  return true;
}

bool Play::drop_payload(int who, Id id) {
  Giving& giving = at(who).now.giving;
  if (at(who).alive == 0 || !has(giving.pending, id) || has(giving.voided, id)) return false;
  if (broken(Mutant::kVoidForgetsTheId)) {
    giving.pending &= static_cast<Ids>(~one(id));
  } else {
    giving.voided |= one(id);
  }
  return true;
}

bool Play::undo(int who, Id id) {
  Giving& giving = at(who).now.giving;
  if (at(who).alive == 0 || !has(giving.pending, id)) return false;
  giving.pending &= static_cast<Ids>(~one(id));
  giving.voided &= static_cast<Ids>(~one(id));
  giving.given &= static_cast<Ids>(~one(id));
  return true;
}

/// Settles what it lists, from the oldest on, without a gap.
bool Play::on_receipt(int who, const Message& message) {
  Giving& giving = at(who).now.giving;
  const Ids listed = message.first | message.second | message.third;
  bool any = false;
  for (Id id = 0; id < kIds; ++id) {
    if (!has(giving.pending, id)) continue;
    Id verdict = id;
    if (broken(Mutant::kReceiptSettlesOtherBoot)) {
      verdict = make_id(boot_of(message.id), seq_of(id));
    }
    if (!has(listed, verdict)) {
      if (broken(Mutant::kReceiptSkipsOne)) continue;
      break;
    }
    (has(message.first, verdict)    ? giving.told_all
     : has(message.second, verdict) ? giving.told_part
                                    : giving.told_none) |= one(id);
    giving.pending &= static_cast<Ids>(~one(id));
    giving.voided &= static_cast<Ids>(~one(id));
    giving.offer[id] = 0;
    any = true;
  }
  return any;
}

// ---- taking ----------------------------------------------------------------------------------

bool Play::make_offer(int who) {
  Peer& p = at(who);
  if (p.alive == 0 || p.took == 0 || p.offered >= setup_.offers) return false;
  ++p.offered;
  Message m;
  m.kind = Kind::kOffer;
  m.offer = static_cast<std::uint8_t>(make_offer_id(p.boot, p.offered));
  send(who, m);
  return true;
}

/// First what the last Resume named as pending, then the numbers of the boot that is there.
Id Play::next_after(const Peer& taker, Id id) {
  const Ids still = taker.pending_there & static_cast<Ids>(~(below(id + 1)));
  if (still != 0) return first(still);
  return id >= 0 && boot_of(id) == taker.heard ? id + 1 : make_id(taker.heard, 1);
}

bool Play::asked_for(const Peer& taker, const Message& transfer) const {
  const Offer offer = transfer.offer;
  const Id newest = newest_taking(taker);
  const Offer answered = newest >= 0 ? taker.queued_offer[newest] : taker.now.taking.taken;
  if (offer <= answered) return false;
  if (boot_of_offer(offer) == taker.boot) return offer <= make_offer_id(taker.boot, taker.offered);
  // How many an earlier boot made is not known any more: what answers one was pending when the two
  // sides compared notes.
  return boot_of_offer(offer) < taker.boot && has(taker.pending_there, transfer.id) &&
         !broken(Mutant::kOffersOfEarlierBootsRefused);
}

bool Play::on_transfer(int who, const Message& message) {
  Peer& p = at(who);
  Taking& taking = p.now.taking;
  if (!setup_.room) taking.forgotten = std::max(taking.forgotten, message.settled);
  taking.part &= static_cast<Ids>(~below(taking.forgotten));
  taking.none &= static_cast<Ids>(~below(taking.forgotten));
  const Id id = message.id;
  const Id newest = std::max(taking.highest(), newest_taking(p));
  const bool repeat = id <= taking.highest();
  if (repeat && !broken(Mutant::kRepeatsAreApplied)) {
    send_receipt(who, id, true);
    return true;
  }
  const bool next = id == next_after(p, newest);
  if (!repeat && !next && !(broken(Mutant::kAnyNewerIsTaken) && id > newest)) return false;
  if (!repeat && !asked_for(p, message)) {
    violate("a transfer that was asked for looks as if it were not");
    return true;
  }
  const int waiting = count(p.queued) + (p.lane == Lane::kTaking ? 1 : 0);
  if (waiting >= setup_.window) return false;  // it comes again
  p.queued |= one(id);
  p.queued_offer[id] = message.offer;
  if (broken(Mutant::kReceiptBeforeApply)) {
    Message receipt;
    receipt.kind = Kind::kReceipt;
    receipt.id = message.id;
    receipt.first = one(id);
    send(who, receipt);
  }
  return true;
}

bool Play::begin_take(int who) {
  Peer& p = at(who);
  if (p.alive == 0 || p.lane != Lane::kFree || p.queued == 0) return false;
  const Id id = first(p.queued);
  p.lane = Lane::kTaking;
  p.in_lane = static_cast<std::uint8_t>(id);
  p.queued &= static_cast<Ids>(~one(id));
  return true;
}

void Play::mark_seen(Taking& taking, Id id) {
  if (id <= taking.highest()) violate("what was decided is decided again");
  taking.seen[boot_of(id) - 1] =
      std::max(taking.seen[boot_of(id) - 1], static_cast<std::uint8_t>(seq_of(id)));
}

bool Play::end_take(int who, Share share) {
  Peer& p = at(who);
  if (p.lane != Lane::kTaking) return false;
  Taking& taking = p.now.taking;
  const Id id = p.in_lane;
  p.lane = Lane::kFree;
  p.in_lane = 0;
  const Ids applied = taking.applied_all | taking.applied_part;
  if (share != Share::kNone && has(applied, id)) violate("a transfer is applied twice");
  const Giving& giving = at(1 - who).now.giving;
  const Ids before = static_cast<Ids>(giving.pending & below(id) & ~below(taking.highest() + 1));
  if (before != 0) violate("a transfer is applied before an earlier one");
  if (share == Share::kAll) taking.applied_all |= one(id);
  if (share == Share::kPart) {
    taking.applied_part |= one(id);
    taking.part |= one(id);
  }
  if (share == Share::kNone) {
    ++taking.not_applied;
    taking.none |= one(id);
  }
  mark_seen(taking, id);
  taking.taken = std::max(taking.taken, p.queued_offer[id]);
  p.queued_offer[id] = 0;
  send_receipt(who, id, false);
  return true;
}

bool Play::on_void(int who, const Message& message) {
  Peer& p = at(who);
  Taking& taking = p.now.taking;
  const Id id = message.id;
  if (id <= taking.highest()) {
    send_receipt(who, id, true);
    return true;
  }
  // What waits for the lane comes first; this comes again.
  if (newest_taking(p) >= 0 && !broken(Mutant::kVoidOvertakes)) return false;
  if (id != next_after(p, taking.highest())) return false;
  taking.none |= one(id);
  ++taking.not_applied;
  mark_seen(taking, id);
  send_receipt(who, id, false);
  return true;
}

/// It says of `id`, and of others of its boot, as many as the window holds: of later ones first,
/// for of these the maker may not have heard. A late repeat of what is forgotten gets none.
void Play::send_receipt(int who, Id id, bool repeat) {
  Peer& p = at(who);
  Taking& taking = p.now.taking;
  if (id < taking.forgotten) return;
  const int boot = boot_of(id);
  Id top = std::min(make_id(boot, taking.seen[boot - 1]), id + setup_.window - 1);
  if (broken(Mutant::kReceiptBeyondApplied)) {
    top = std::max(top, last(p.queued & of_boot(boot)));
  }
  const Id bottom = std::max<Id>(top - setup_.window + 1, taking.forgotten);
  const Ids listed = of_boot(boot) & below(top + 1) & static_cast<Ids>(~below(std::max(bottom, 0)));
  Message m;
  m.kind = Kind::kReceipt;
  m.id = static_cast<std::uint8_t>(top);
  m.second = listed & taking.part;
  m.third = listed & taking.none;
  if (repeat && broken(Mutant::kRepeatReceiptedAsWhole)) m.second = m.third = 0;
  m.first = static_cast<Ids>(listed & ~(m.second | m.third));
  if (broken(Mutant::kVerdictDroppedAtOnce)) {
    taking.part &= static_cast<Ids>(~listed);
    taking.none &= static_cast<Ids>(~listed);
  }
  send(who, m);
}

// ---- resume ----------------------------------------------------------------------------------

bool Play::send_resume(int who) {
  const Peer& p = at(who);
  if (p.alive == 0 || p.heard == 0 || p.lane != Lane::kFree) return false;
  const Giving& giving = p.now.giving;
  Message m;
  m.kind = Kind::kResume;
  m.first = giving.created;
  m.second = giving.pending;
  if (m.second != 0 && broken(Mutant::kPendingOmitsFirst)) m.second &= m.second - 1;
  if (m.second != 0 && broken(Mutant::kPendingOmitsLast)) {
    m.second &= static_cast<Ids>(~one(last(m.second)));
  }
  send(who, m);
  return true;
}

bool Play::on_resume(int who, const Message& message) {
  Peer& p = at(who);
  if (p.took != 0 && !broken(Mutant::kResumeTakenAgain)) return false;
  if (p.lane != Lane::kFree && !broken(Mutant::kResumeTakenInLane)) return false;
  if (!broken(Mutant::kResumeNotCompared)) compare(who, message);
  p.pending_there = message.second;
  p.took = p.resumed = 1;
  return true;
}

/// Created and not seen, unless it is pending: a crash of this side has lost it here. Seen and not
/// known as created: one of the other side has lost it there.
void Play::compare(int who, const Message& resume) {
  Peer& p = at(who);
  Taking& taking = p.now.taking;
  const Ids created = resume.first;
  const Ids pending = resume.second;
  if (pending != 0 && pending != (created & static_cast<Ids>(~below(first(pending))))) {
    return violate("an honest Resume is not believed: what is pending is not the newest");
  }
  int lost_here = 0;
  for (int boot = 1; boot <= kBootsMax; ++boot) {
    const Ids mine = created & of_boot(boot);
    const int made = mine == 0 ? 0 : seq_of(last(mine));
    const Ids open = broken(Mutant::kPendingIgnored) ? Ids{0} : Ids(pending & of_boot(boot));
    const int given = open == 0 ? made : seq_of(first(open)) - 1;
    std::uint8_t& seen = taking.seen[boot - 1];
    std::uint8_t& gone = taking.gone[boot - 1];
    if (given > seen) {
      for (int seq = seen + 1; seq <= given; ++seq) {
        const Ids id = one(make_id(boot, seq));
        taking.lost |= id;
        taking.none |= id;
      }
      lost_here += given - seen;
      if (!broken(Mutant::kLostNotMarkedSeen)) seen = static_cast<std::uint8_t>(given);
    } else if ((boot < p.heard || broken(Mutant::kResumeTakenAgain)) && seen - gone > made) {
      taking.lost_there = static_cast<std::uint8_t>(taking.lost_there + seen - gone - made);
      if (!broken(Mutant::kLostThereCountedAgain)) gone = static_cast<std::uint8_t>(seen - made);
    }
  }
  taking.lost_here = static_cast<std::uint8_t>(taking.lost_here + lost_here);
  // Only a crash of this side loses something here.
  if (lost_here > 0 && (p.boot == 1 || p.resumed != 0)) {
    violate("an honest Resume is not believed: it says that something is lost here");
  }
  if (setup_.durable && taking.lost_here + taking.lost_there > 0) {
    violate("something is lost though all was saved");
  }
}

}  // namespace murmur::model
