// What one peer's protocol is told. Every duration is on the peer's own clock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/codec.hpp"
#include "core/ids.hpp"
#include "core/keys.hpp"
#include "core/parts.hpp"
#include "core/planes.hpp"
#include "core/time.hpp"

namespace murmur::gossip {

/// "host:port"; what a transport can send to.
using Address = std::string;

/// How replicas mix; the numbers are the wire's.
enum class Rule : std::uint8_t { kAverage = 0, kNone };
inline constexpr std::uint8_t kRuleCount = 2;

/// How an exchange's weight depends on its staleness s, the initiator's expected steps between
/// making the offer and absorbing the transfer.
struct StalenessPolicy {
  enum class Kind : std::uint8_t {
    kConstant,  ///< w = 1/2
    kDamped,    ///< w = 1/2 / (1 + s / half), so half the weight at s = half
    kBounded,   ///< w = 1/2, but an offer with s or |step_A - step_B| past `bound` is declined
  };
  Kind kind = Kind::kDamped;
  double half = 64;          ///< steps
  std::uint64_t bound = 64;  ///< steps
};

struct Config {
  // What to run.
  core::Swarm swarm = 0;  ///< which run this is meant to be
  std::vector<core::Swarm>
      swarms_also;  ///< names of the same: of the key that it changes from or to
  [[nodiscard]] bool is_swarm(core::Swarm named) const {
    return named == swarm ||
           std::find(swarms_also.begin(), swarms_also.end(), named) != swarms_also.end();
  }
  core::StateKind state;  ///< of the own replica
  Rule rule = Rule::kAverage;
  std::vector<std::string> words;  ///< "key=value" of this run, for its peers (gossip/words.hpp)
  std::uint64_t steps_max = 0;     ///< train until the model's age is this; 0: no limit
  core::Duration duration_max{0};  ///< train this long after start; 0: no limit
  std::size_t wait_for = 0;        ///< begin training when so many neighbours are up...
  core::Duration wait_max = std::chrono::seconds(10);  ///< ...or this has passed
  std::uint32_t eval_every = 0;        ///< steps; 0: by the clock, within evaluation_share_max
  double evaluation_share_max = 0.02;  ///< of the lane's time
  core::Duration save_every{0};        ///< checkpoint cadence; 0: never
  double save_share_max = 0.05;        ///< of the lane's time: past it, less often than save_every
  int save_tries_max = 5;              ///< of the last checkpoint, with back-off

  // Exchanges.
  std::uint32_t exchange_every = 0;  ///< own offers, in steps; 0: pace automatically
  double mixing_share_max = 0.05;    ///< of the lane's time, for the automatic pace
  std::size_t offers_max = 2;        ///< own offers in flight while training
  std::size_t window = 2;  ///< unreceipted transfers, and own offers, a neighbour: 1 to kWindowMax
  core::Duration decline_retry = std::chrono::milliseconds(10);  ///< asked of whom we decline
  core::Duration decline_retry_max = std::chrono::milliseconds(60'000);  ///< granted to others
  core::Codec offer_codec = core::Codec::kFp16;
  core::Codec transfer_codec = core::Codec::kInt8;
  StalenessPolicy staleness;

  // The end.
  core::Duration settle_max = std::chrono::seconds(5);  ///< 0: do not settle
  double settle_bound = 5e-4;  ///< on ‖d‖/‖x‖; fp16 offers measure no finer than 2e-4
  std::uint32_t settle_distinct = 3;  ///< neighbours that must agree (or all, if fewer)
  core::Duration linger = std::chrono::seconds(10);  ///< answer others this long at the end

  // Neighbours.
  Address advertise;          ///< where others reach this peer
  std::vector<Address> join;  ///< contacts; empty: this peer draws the parameters
  core::Duration join_max = std::chrono::seconds(30);  ///< to find a first peer to copy them from
  std::size_t view_max = 32;                           ///< neighbours sought out
  std::size_t links_max = 256;  ///< neighbours held, counting those that sought us out

  // The door, where connections have keys, which show who each message is from.
  std::optional<core::Proof> proof;  ///< own, of membership; there are keys iff there is one
  [[nodiscard]] bool keyed() const { return proof.has_value(); }
  // A neighbour's messages: honest ones send some 10,000 a second at most, of a tiny model at every
  // step; of Hellos one a retry. So it costs at most messages_a_second x what one takes (some 5
  // us), and memory of some 100 B (gossip/conduct.hpp).
  double messages_at_once = 32'768;
  double messages_a_second = 16'384;
  // Of those, what keeps up a link and moves nothing: a few a second.
  double upkeep_at_once = 128;
  double upkeep_a_second = 64;
  // Offers that were declined with a hint, which an honest neighbour follows, or came again.
  double vain_offers_at_once = 128;
  double vain_offers_a_second = 1600;  ///< the largest window a decline_retry
  double hellos_at_once = 32;
  double hellos_a_second = 8;
  // Of the own state: a newcomer needs one, asks again for pieces that are lost, and may come
  // again.
  double states_at_once = 4;
  core::Duration state_every = std::chrono::seconds(10);
  double score_halves = 8;       ///< an allowance fills half as fast for each so many of the score
  double score_max = 64;         ///< then it is shunned
  double score_of_flood = 0.01;  ///< of a message past the allowance; of any other that is wrong: 1
  double score_of_hello = 4;     ///< else too few are heard for one to be shunned for them
  core::Duration forgive_every = std::chrono::seconds(10);  ///< a score halves
  core::Duration shun = std::chrono::seconds(60);           ///< at first; 16 times as long at most
  /// Of whom conduct is remembered.
  [[nodiscard]] std::size_t known_max() const { return 4 * links_max; }

  // Timing. Retries are jittered by up to a quarter and double up to retry_max.
  core::Duration train_slice = std::chrono::milliseconds(4);  ///< one Train covers about this
  core::Duration answer_max = std::chrono::seconds(10);       ///< see gossip/patience.hpp
  core::Duration retry = std::chrono::milliseconds(200);  ///< first resend of anything unanswered
  core::Duration retry_max = std::chrono::milliseconds(3000);
  core::Duration ping_every =
      std::chrono::milliseconds(500);  ///< of a link that is otherwise silent
  core::Duration silent_max = std::chrono::milliseconds(2500);  ///< then the neighbour is dropped

  // Limits: memory is at most links_max x window outbox payloads (voided past
  // outbox_unreachable_max of unreachable peers), serve_queue_max offers, links_max x window
  // transfers, copies_max states to give and one to take: 4 B a parameter for each plane of their
  // own.
  std::size_t serve_queue_max = 4;
  std::size_t outbox_unreachable_max = 8;
  std::uint64_t lost_max = std::uint64_t{1} << 24;  ///< by one crash, that a neighbour may claim
  std::size_t state_chunk = core::Parts::kSize;     ///< bytes; divides it
  std::size_t copies_max = 2;                       ///< of the own state, for newcomers
  double copy_share_max = 0.02;                     ///< of the lane's time, for making them
  core::Duration copy_kept_max = std::chrono::seconds(10);  ///< since it was last asked for
};

}  // namespace murmur::gossip
