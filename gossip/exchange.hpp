// Exchange: offer, transfer, receipt (docs/protocol.md, "The exchange"). Only a transfer moves
// mass, and the serving side's decision alone creates it; everything else may be lost.
//
// Here live the own offers in flight, the offers to serve and the transfers to absorb. The lane
// asks for the next work and brings back its result.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "gossip/agreement.hpp"
#include "gossip/links.hpp"
#include "gossip/outbox.hpp"
#include "gossip/outliers.hpp"
#include "gossip/patience.hpp"
#include "gossip/shard_turns.hpp"
#include "gossip/shell.hpp"

namespace murmur::gossip {

class Exchange {
 public:
  Exchange(Shell& shell, Links& links, Edges& edges);

  // ---- messages, already validated but for their meaning ----
  /// False if it was in vain: declined for a while, or a repeat.
  bool on_offer(const wire::Header& header, const wire::Offer& offer, core::Payload payload);
  void on_transfer(const wire::Header& header, const wire::Transfer& transfer,
                   core::Payload payload);
  void on_void(const wire::Header& header, const wire::Void& voided);
  void on_receipt(const wire::Header& header, const wire::Receipt& receipt) {
    outbox_.on_receipt(header, receipt);
  }
  void on_decline(const wire::Header& header, const wire::Decline& decline);

  void on_link(core::PeerId peer, LinkChange change);
  void on_offer_timer(const Timer& timer);
  void on_resend_timer(const Timer& timer);

  // ---- the lane ----
  /// The next absorbing, serving or offering to do; the lane must be free.
  std::optional<Work> next_work();
  void done(const OfferMade& result);
  void done(Responded& result);
  void done(const Absorbed& result);
  /// A work on the edge to `peer` is in the lane.
  [[nodiscard]] bool busy_with(core::PeerId peer) const;

  /// Begins an own offer to a random neighbour, unless Config::offers_max are in flight. False:
  /// none is, and there is nobody to offer to.
  bool begin_offer();
  /// Such a neighbour exchanges with this peer.
  [[nodiscard]] bool may_mix_with(const Link& link) const {
    return may_mix_with(link.phase, link.lineage);
  }
  [[nodiscard]] bool offering() const { return !own_.empty(); }
  /// Forgets offers of others not yet served (the end of the run).
  void drop_serving() { serve_queue_.clear(); }
  /// This peer goes on under another boot: what is under way is of the old one. `of_another_draw`:
  /// and with other parameters, so what it owes is owed no more.
  void reborn(bool of_another_draw);

  [[nodiscard]] std::size_t queued() const { return serve_queue_.size() + absorb_queue_.size(); }
  [[nodiscard]] bool owed_receipts() const { return outbox_.owed_receipts(); }
  [[nodiscard]] std::size_t unreceipted() const { return outbox_.unreceipted(); }

  // ---- what the exchanges measured ----
  [[nodiscard]] const Agreement& agreement() const { return agreement_; }
  void forget_agreement() { agreement_.forget(); }
  [[nodiscard]] std::uint64_t completed() const { return completed_; }
  [[nodiscard]] double staleness_mean() const;
  /// From an own offer to its answer; zero while nothing is known.
  [[nodiscard]] core::Duration answer_time() const { return patience_.usual(); }

 private:
  struct OwnOffer {
    core::PeerId to;
    core::OfferId id;  ///< once it is sent
    core::ShardId shard = 0;
    std::uint64_t step = 0;  ///< when the payload was made
    core::Instant made{};
    core::Instant deadline{};
    enum class Stage : std::uint8_t { kChosen, kMaking, kSent } stage = Stage::kChosen;
  };
  struct Serve {
    core::PeerId from;
    core::OfferId offer;
    Respond work;
    std::uint64_t lag = 0;
  };
  struct Take {
    core::PeerId from;
    core::TransferId id;
    core::OfferId offer;
    Absorb work;
    std::uint64_t lag = 0;
    /// When the own offer was made; nothing if it is too long ago to know.
    std::optional<std::pair<std::uint64_t, core::Instant>> since;
  };
  struct Past {
    core::PeerId to;
    core::OfferId id;
    std::uint64_t step = 0;
    core::Instant made{};
  };

  /// How a neighbour answers: who answers Ping but no offers must not take the others' turns.
  struct Standing {
    core::Instant not_before{};    ///< a decline's hint, or the wait for one that does not answer
    std::uint32_t unanswered = 0;  ///< offers in a row
    core::Instant hurried{};       ///< when a repeated offer last made its transfer be sent again
  };
  [[nodiscard]] bool may_mix_with(Phase phase, core::Lineage lineage) const;
  [[nodiscard]] core::PeerId draw_neighbour(core::ShardId shard);
  [[nodiscard]] bool may_offer_to(core::PeerId peer, core::ShardId shard) const;
  bool in_turn(core::PeerId from, core::TransferId id, Edge::Turn turn);
  void refuse(const Take& take, Reject reason);
  [[nodiscard]] bool fits(core::ShardId shard, const wire::Planes& planes) const;
  void wait_for(Standing& silent);
  bool decline(core::PeerId to, core::OfferId offer, wire::DeclineReason reason);
  double measured(core::PeerId peer, core::ShardId shard, const core::MixStats& mix);
  void send_receipt(core::PeerId to, core::TransferId id);
  [[nodiscard]] const Past* find_past(core::PeerId to, core::OfferId id) const;
  bool answered(core::PeerId by, core::OfferId id);
  [[nodiscard]] bool mixing(core::PeerId peer, core::ShardId shard) const;
  [[nodiscard]] std::size_t unreceipted_to(core::PeerId peer) const;
  [[nodiscard]] std::optional<Accepted> newest_accepted(core::PeerId peer) const;
  [[nodiscard]] std::size_t accepted(core::PeerId peer) const;

  Shell& shell_;
  Links& links_;
  Edges& edges_;
  Outbox outbox_;
  ShardTurns turns_;
  Agreement agreement_;
  Outliers outliers_;
  std::map<core::PeerId, Standing> standing_;
  std::vector<OwnOffer> own_;  // to distinct neighbours, or of distinct shards
  std::deque<Serve> serve_queue_;
  std::deque<Take> absorb_queue_;
  std::variant<std::monostate, OwnOffer, Serve, Take> in_lane_;
  std::array<Past, 16> past_;  // own offers made lately: a late transfer's staleness is still known
  std::size_t past_next_ = 0;
  Patience patience_{std::chrono::milliseconds(5)};  // with answers; a lane may be that busy
  TimerSlot offer_timer_;
  double expected_staleness_ = 0;  // moving average, steps
  double staleness_sum_ = 0;
  std::uint64_t staleness_count_ = 0;
  std::uint64_t completed_ = 0;
};

}  // namespace murmur::gossip
