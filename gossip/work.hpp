// Work: what the machine asks to be done to the replica. At most one is outstanding, so the order
// of everything that happens to the parameters is total. perform() is the one place that turns a
// Work into calls on the replica; net runs it on the compute lane, sim at the virtual finish.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "core/bytes.hpp"
#include "core/codec.hpp"
#include "core/ids.hpp"
#include "core/replica.hpp"
#include "core/storage.hpp"

namespace murmur::gossip {

struct Train {
  std::uint32_t steps = 0;
};
struct MakeOffer {
  core::ShardId shard = 0;
  core::Codec codec{};
};
struct Respond {
  core::ShardId shard = 0;
  core::Codec offer_codec{};
  core::Payload offer;
  core::Codec codec{};
  std::uint64_t seed = 0;  ///< of the stochastic rounding
  float weight = 0;
};
struct Absorb {
  core::ShardId shard = 0;
  core::Codec codec{};
  core::Payload delta;
  float weight = 0;
};
struct Evaluate {};
struct Save {
  core::Bytes protocol;
};                       ///< what the machine saves, of the moment it was emitted
struct TakeSnapshot {};  ///< of the replica, for a newcomer
struct Adopt {
  core::Snapshot state;  ///< a neighbour's
  /// In place of parameters of another draw that were trained: only if the state is not clearly
  /// worse on the own held-out rows, with a boot raised past this one, and what was is kept aside.
  struct Instead {
    std::string kept_as;
    core::Bytes protocol;  ///< as Save's
    core::Boot boot = 0;
  };
  std::optional<Instead> instead;
};
struct RaiseBoot {
  core::Boot past = 0;
};

using Work =
    std::variant<Train, MakeOffer, Respond, Absorb, Evaluate, Save, TakeSnapshot, Adopt, RaiseBoot>;

// What came of each, in the same order.
struct Trained {
  std::uint32_t steps = 0;
  core::TrainStats stats;
};
struct OfferMade {
  core::Codec codec{};
  core::Payload payload;
};
struct Responded {
  core::Result<core::MixStats> mix;
  core::Codec codec{};
  core::Payload delta;
};
struct Absorbed {
  core::Result<core::MixStats> mix;
};
struct Evaluated {
  core::Evaluation evaluation;
};
struct Saved {
  core::Result<void> result;
};
struct SnapshotTaken {
  std::shared_ptr<const core::Snapshot> state;  ///< null: not every value of it is finite
};
struct Adopted {
  core::Result<void> result;  ///< an error: nothing has changed
  core::Boot boot = 0;        ///< as raised, if it was
  std::string words;          ///< what a person should know of it; empty: nothing
};
struct BootRaised {
  core::Result<core::Boot> boot;
};

using WorkResult = std::variant<Trained, OfferMade, Responded, Absorbed, Evaluated, Saved,
                                SnapshotTaken, Adopted, BootRaised>;

/// Does `work`. Buffers for payloads come from `pool`. `storage` is used by Save alone.
WorkResult perform(Work work, core::Replica& replica, core::Storage& storage,
                   core::BufferPool& pool);

/// A checkpoint is what the machine saves and the replica's state in one.
struct Checkpoint {
  core::Bytes protocol;
  core::Bytes replica;
};
/// `replica` becomes the checkpoint; where it has room for that, in place.
void join_checkpoint(core::ByteView protocol, core::Bytes& replica);
core::Result<Checkpoint> split_checkpoint(core::ByteView bytes);

}  // namespace murmur::gossip
