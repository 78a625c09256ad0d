#include "gossip/outbox.hpp"

#include <algorithm>
#include <utility>

namespace murmur::gossip {

bool Outbox::is_up(core::PeerId peer) const {
  const Link* link = links_.find(peer);
  return link != nullptr && link->up;
}

/// The edge to `to`, if anything is owed there.
Edge* Outbox::owing(core::PeerId to) const {
  const auto it = edges_.find(to);
  return it == edges_.end() || it->second.outbox().empty() ? nullptr : &it->second;
}

void Outbox::send(core::PeerId to, const Edge& edge, const OutboxEntry& entry) {
  if (entry.delta) {
    links_.send(to,
                wire::Transfer{entry.id, entry.offer, entry.shard, entry.weight, 0, entry.step,
                               edge.settled(), wire::parameters(entry.codec, entry.delta)},
                entry.delta);
  } else {
    links_.send(to, wire::Void{entry.id});
  }
  Partner& partner = partners_[to];
  if (partner.timed == entry.id) {
    partner.sent_again = true;
  } else if (partner.timed < edge.outbox().front().id && partner.timed < entry.id) {
    partner.timed = entry.id;
    partner.timed_at = shell_.now;
    partner.sent_again = partner.receipted = false;
  }
}

/// What was given to the parameters that `to` had is not for those that it has.
void Outbox::void_of_another_draw(core::PeerId to, Edge& edge) {
  if (!shell_.lineages.is_own(links_.find(to)->lineage)) edge.void_outbox();
}

void Outbox::send_all(core::PeerId to, Edge& edge) {
  void_of_another_draw(to, edge);
  for (const OutboxEntry& entry : edge.outbox()) send(to, edge, entry);
  wait_for_receipt(to, partners_[to]);
}

void Outbox::send_newest(core::PeerId to) {
  Edge* edge = owing(to);
  if (edge == nullptr) return;
  if (!is_up(to)) return limit_unreachable_payloads();  // sent when it is up again
  void_of_another_draw(to, *edge);
  send(to, *edge, edge->outbox().back());
  Partner& partner = partners_[to];
  if (edge->outbox().size() == 1) {
    partner.wait = patience_.wait(shell_.config.answer_max);
    partner.due = shell_.now;
  }
  wait_for_receipt(to, partner);
}

void Outbox::send_again(core::PeerId to) {
  Edge* edge = owing(to);
  if (edge == nullptr || !is_up(to)) return;
  shell_.counters.transfers_resent += edge->outbox().size();
  send_all(to, *edge);
}

/// Who has ended training ends as soon as it agrees with its neighbours, and what comes after that
/// moves it away from them: there what is owed is not put off for long.
core::Duration Outbox::longest_wait(core::PeerId to) const {
  constexpr int kDoubled = 4;
  const core::Duration most = shell_.config.answer_max;
  const Link* link = links_.find(to);
  const bool ends =
      shell_.phase >= Phase::kSettling || (link != nullptr && link->phase >= Phase::kSettling);
  return ends ? std::min(most, kDoubled * patience_.wait(most)) : most;
}

void Outbox::wait_for_receipt(core::PeerId to, Partner& partner) {
  if (partner.due <= shell_.now) partner.due = shell_.now + shell_.jitter(partner.wait);
  shell_.timers.arm(partner.resend, {partner.due, TimerKind::kResend, to, 0});
}

void Outbox::on_resend_timer(const Timer& timer) {
  const core::PeerId peer = timer.peer;
  Partner& partner = partners_[peer];
  if (!Timers::fired(partner.resend, timer)) return;
  if (owing(peer) == nullptr || !is_up(peer)) return;
  // Armed for an earlier transfer, perhaps.
  if (partner.due > shell_.now) return wait_for_receipt(peer, partner);
  partner.wait = std::min(2 * partner.wait, longest_wait(peer));
  send_again(peer);
}

void Outbox::on_receipt(const wire::Header& header, const wire::Receipt& receipt) {
  const core::PeerId peer = header.src;
  Partner& partner = partners_[peer];
  Edge& edge = edges_[peer];
  const std::vector<Decided> settled = edge.receipt(receipt.decided);
  shell_.counters.receipts_taken += settled.size();
  shell_.counters.receipts_refused += static_cast<std::uint64_t>(std::count_if(
      settled.begin(), settled.end(), [](const Decided& one) { return one.refused; }));
  time_answers(partner, receipt.decided, !settled.empty());
  if (settled.empty() || edge.outbox().empty()) return;
  // The others have their time from now on: they may have waited for the one before.
  partner.wait = patience_.wait(shell_.config.answer_max);
  partner.due = shell_.now;
  wait_for_receipt(peer, partner);
}

/// A second receipt says that a resend was in vain: the first one answered what was sent first.
void Outbox::time_answers(Partner& partner, const std::vector<Decided>& listed, bool settled) {
  const bool of_timed = std::any_of(listed.begin(), listed.end(),
                                    [&](const Decided& one) { return one.id == partner.timed; });
  if (!of_timed) return;
  const bool first = !std::exchange(partner.receipted, true);
  if (first) partner.answered = shell_.now - partner.timed_at;
  if (first == partner.sent_again || (!first && settled)) return;
  patience_.answered(partner.answered);
}

void Outbox::on_link(core::PeerId peer, LinkChange change) {
  Edge* edge = owing(peer);
  if (edge == nullptr) return;
  if (change == LinkChange::kUp) {
    Partner& partner = partners_[peer];
    if (partner.wait == core::Duration{0}) partner.wait = patience_.wait(shell_.config.answer_max);
    return send_all(peer, *edge);
  }
  limit_unreachable_payloads();
}

void Outbox::limit_unreachable_payloads() {
  std::size_t kept = 0;
  for (auto& [id, edge] : edges_) {
    if (is_up(id)) continue;
    for (std::size_t i = 0; i < edge.outbox().size(); ++i) {
      if (edge.outbox()[i].delta && ++kept > shell_.config.outbox_unreachable_max)
        edge.void_entry(i);
    }
  }
}

std::size_t Outbox::unreceipted() const {
  std::size_t count = 0;
  for (const auto& [id, edge] : edges_) count += edge.outbox().size();
  return count;
}

bool Outbox::owed_receipts() const {
  return std::any_of(edges_.begin(), edges_.end(), [this](const auto& edge) {
    return !edge.second.outbox().empty() && is_up(edge.first);
  });
}

}  // namespace murmur::gossip
