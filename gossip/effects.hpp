// Events go into the machine, effects come out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/bytes.hpp"
#include "core/ids.hpp"
#include "core/keys.hpp"
#include "core/time.hpp"
#include "gossip/config.hpp"
#include "gossip/work.hpp"

namespace murmur::gossip {

/// Where a peer is in its run. Each phase is entered in this order, and none is left backwards.
enum class Phase : std::uint8_t {
  kJoining,    ///< looking for a neighbour to copy the state of; leaves with Adopted
  kTraining,   ///< until steps_max or duration_max, or Stop
  kSettling,   ///< exchanges without training, until the neighbours agree or settle_max passes
  kLingering,  ///< settled: answers until every neighbour has settled too, or linger passes
  kDone,       ///< said goodbye; the driver may end
};
std::string_view to_string(Phase phase);

// ---- events ----------------------------------------------------------------------------------

/// Who holds the connection that a message came on, as its key showed.
struct Caller {
  core::PeerId id;
  std::vector<core::Proof> proofs;  ///< of membership, that this key may show: one a swarm key
};

/// One message, as the transport delivered it: not yet trusted in any way.
struct Received {
  core::Bytes head;       ///< first frame
  core::Payload payload;  ///< the rest, joined; null if none
  std::string from_host;  ///< numeric host it came from, if the transport knows; else empty
  std::shared_ptr<const Caller> caller = nullptr;  ///< null where connections have no keys
};
/// The Work emitted last is finished.
struct WorkDone {
  WorkResult result;
  core::Duration took{
      0};  ///< the lane's time on it, without waiting for its turn on a shared machine
};
/// The transport could not hand a message on (queue full, unreachable, unresolvable).
struct Undeliverable {
  Address to;
};
/// The user asked to end: training is over. The rest of the run follows, settling, lingering and a
/// last checkpoint; `at_once` leaves out the first two. While joining, the run fails.
struct Stop {
  bool at_once = false;
};

/// It was let in, and is not any more.
struct Distrusted {
  core::PeerId peer;
};

/// With keys: the connection to there is gone, and the next will be of whoever is there then.
struct Disconnected {
  Address from;
};

using Event = std::variant<Received, WorkDone, Undeliverable, Stop, Distrusted, Disconnected>;

// ---- effects ---------------------------------------------------------------------------------

struct Send {
  Send(Address address, core::PeerId whom, bool first, core::Bytes head_bytes,
       core::Payload payload_bytes)
      : to(std::move(address)),
        dst(whom),
        greets(first),
        head(std::move(head_bytes)),
        payload(std::move(payload_bytes)) {}
  Address to;
  core::PeerId dst;     ///< zero: whoever is there
  bool greets = false;  ///< may be the first on a connection: says nothing that is not for anybody
  core::Bytes head;
  core::Payload payload;  ///< null if none
};

/// With keys: nothing of `peer` is to be heard that long, nor its connections kept.
struct Shun {
  core::PeerId peer;
  core::Duration lasting{0};
};

// Reports: what a person or a study wants to know. Losing one harms nothing.
struct TrainReport {
  std::uint64_t step = 0;
  std::uint32_t steps = 0;
  core::TrainStats stats;
};
struct EvaluationReport {
  std::uint64_t step = 0;
  core::Evaluation evaluation;
};
struct ExchangeReport {
  core::PeerId peer;
  bool initiated = false;  ///< this peer made the offer (and so knows the staleness)
  core::ShardId shard = 0;
  core::TransferId id;
  float weight = 0;
  double ratio = 0;             ///< ‖d‖/‖x‖ over the shard
  std::uint64_t staleness = 0;  ///< steps between making the offer and absorbing; initiator only
  std::uint64_t lag = 0;        ///< |step_A - step_B|
  core::Duration age{0};        ///< from making the offer to having absorbed; initiator only
};
struct PeerReport {
  enum class What : std::uint8_t {
    kUp,          ///< linked: both sides have taken the other's Resume
    kSilent,      ///< not heard for silent_max: dropped
    kLeft,        ///< said goodbye
    kDistrusted,  ///< was let in, and is not any more
    kShunned,     ///< misbehaved: not heard for a while; `message` says how, and how long
    kRefused,     ///< this peer cannot exchange with it; `message` says why
    kRefusedUs,   ///< it says that of this peer; `message` says why, from this peer's side
    kDiffers,     ///< its run, or its replica, is not like this one's; `message` says in what
    kLost,        ///< deltas lost in a crash: `message` says how many, on which side
  };
  What what{};
  core::PeerId peer;
  Address address;
  std::string message;
};
std::string_view to_string(PeerReport::What what);
struct PhaseReport {
  Phase phase{};
  std::string message;
};
struct SaveReport {
  std::uint64_t step = 0;
  core::Result<void> result;
};

/// Something that a person should know and that is of no one peer.
struct NoticeReport {
  std::string message;
};

using Report = std::variant<TrainReport, EvaluationReport, ExchangeReport, PeerReport, PhaseReport,
                            SaveReport, NoticeReport>;

using Effect = std::variant<Send, Work, Report, Shun>;

}  // namespace murmur::gossip
