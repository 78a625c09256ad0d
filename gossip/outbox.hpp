// Outbox: gets what this peer owes its neighbours to them. The entries themselves are the edges'
// (gossip/edge.hpp), at most Config::window an edge; here they are sent in their order, and sent
// again until receipted, when their neighbour is up, and the payloads kept for those that are not
// are limited.
#pragma once

#include <map>

#include "gossip/links.hpp"
#include "gossip/patience.hpp"
#include "gossip/shell.hpp"

namespace murmur::gossip {

class Outbox {
 public:
  Outbox(Shell& shell, Links& links, Edges& edges) : shell_(shell), links_(links), edges_(edges) {}

  /// The newest of what is owed to `to` goes out, if that is up.
  void send_newest(core::PeerId to);
  /// All of it, and is counted as sent again.
  void send_again(core::PeerId to);
  void on_receipt(const wire::Header& header, const wire::Receipt& receipt);
  void on_link(core::PeerId peer, LinkChange change);
  void on_resend_timer(const Timer& timer);

  /// A neighbour that is up still owes a receipt.
  [[nodiscard]] bool owed_receipts() const;
  /// Transfers that nobody has receipted, whoever made of them what.
  [[nodiscard]] std::size_t unreceipted() const;

 private:
  struct Partner {
    TimerSlot resend;
    core::Instant due{};     ///< of the next resend
    core::Duration wait{0};  ///< until then
    // One transfer at a time tells how long receipts take.
    core::TransferId timed;
    core::Instant timed_at{};  ///< it was first sent
    bool sent_again = false;
    bool receipted = false;
    core::Duration answered{0};  ///< by its first receipt, since then
  };

  [[nodiscard]] bool is_up(core::PeerId peer) const;
  [[nodiscard]] Edge* owing(core::PeerId to) const;
  void send(core::PeerId to, const Edge& edge, const OutboxEntry& entry);
  void send_all(core::PeerId to, Edge& edge);
  void void_of_another_draw(core::PeerId to, Edge& edge);
  [[nodiscard]] core::Duration longest_wait(core::PeerId to) const;
  void wait_for_receipt(core::PeerId to, Partner& partner);
  void time_answers(Partner& partner, const std::vector<Decided>& listed, bool settled);
  void limit_unreachable_payloads();

  Shell& shell_;
  Links& links_;
  Edges& edges_;
  std::map<core::PeerId, Partner> partners_;
  /// With receipts. What keeps them is as a rule a busy machine, not a loss.
  Patience patience_{std::chrono::milliseconds(50)};
};

}  // namespace murmur::gossip
