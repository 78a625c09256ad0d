#include "gossip/outbox.hpp"

#include <algorithm>

namespace murmur::gossip {

bool Outbox::is_up(core::PeerId peer) const {
  const Link* link = links_.find(peer);
  return link != nullptr && link->up;
}

const OutboxEntry* Outbox::entry(core::PeerId to) const {
  const auto it = edges_.find(to);
  return it == edges_.end() || !it->second.outbox() ? nullptr : &*it->second.outbox();
}

void Outbox::send(core::PeerId to) {
  const OutboxEntry* owed = entry(to);
  if (owed == nullptr) return;
  if (!is_up(to)) return limit_unreachable_payloads();  // sent when it is up again
  // What was given to the parameters that it had is not for those that it has.
  if (owed->delta && !shell_.lineages.is_own(links_.find(to)->lineage)) edges_[to].void_outbox();
  if (owed->delta) {
    links_.send(to,
                wire::Transfer{owed->id, owed->offer, owed->shard, owed->weight, 0, owed->step,
                               wire::parameters(owed->codec, owed->delta)},
                owed->delta);
  } else {
    links_.send(to, wire::Void{owed->id});
  }
  Partner& partner = partners_[to];
  partner.sent_again = partner.sent == owed->id;
  if (!partner.sent_again) {
    partner.sent = owed->id;
    partner.sent_at = shell_.now;
    partner.wait = patience_.wait(shell_.config.answer_max);
    partner.due = shell_.now;
  }
  if (partner.due <= shell_.now) partner.due = shell_.now + shell_.jitter(partner.wait);
  shell_.timers.arm(partner.resend, {partner.due, TimerKind::kResend, to, 0});
}

void Outbox::send_again(core::PeerId to) {
  ++shell_.counters.transfers_resent;
  send(to);
}

void Outbox::on_resend_timer(const Timer& timer) {
  const core::PeerId peer = timer.peer;
  Partner& partner = partners_[peer];
  if (!Timers::fired(partner.resend, timer)) return;
  if (entry(peer) == nullptr || !is_up(peer)) return;
  // Armed for an earlier transfer, perhaps.
  if (partner.due > shell_.now) {
    return shell_.timers.arm(partner.resend, {partner.due, TimerKind::kResend, peer, 0});
  }
  partner.wait = std::min(2 * partner.wait, shell_.config.answer_max);
  send_again(peer);
}

void Outbox::on_receipt(const wire::Header& header, const wire::Receipt& receipt) {
  Partner& partner = partners_[header.src];
  const bool first = edges_[header.src].receipt(receipt.up_to);
  if (first) {
    ++shell_.counters.receipts_taken;
    partner.answered = shell_.now - partner.sent_at;
  }
  // A second receipt says that the resend was in vain: the first one answered what was sent first.
  if (partner.sent == receipt.up_to && first != partner.sent_again) {
    patience_.answered(partner.answered);
  }
}

void Outbox::on_link(core::PeerId peer, LinkChange change) {
  if (entry(peer) == nullptr) return;
  if (change == LinkChange::kUp) return send(peer);
  limit_unreachable_payloads();
}

void Outbox::limit_unreachable_payloads() {
  std::size_t kept = 0;
  for (auto& [id, edge] : edges_) {
    if (!edge.outbox() || !edge.outbox()->delta || is_up(id)) continue;
    if (++kept > shell_.config.outbox_unreachable_max) edge.void_outbox();
  }
}

std::size_t Outbox::unreceipted() const {
  return static_cast<std::size_t>(std::count_if(edges_.begin(), edges_.end(), [](const auto& edge) {
    return edge.second.outbox().has_value();
  }));
}

bool Outbox::owed_receipts() const {
  return std::any_of(edges_.begin(), edges_.end(), [this](const auto& edge) {
    return edge.second.outbox() && is_up(edge.first);
  });
}

}  // namespace murmur::gossip
