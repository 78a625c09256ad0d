// The seam between the protocol and the numbers: one peer's copy of the model, its optimizer and
// its share of the data. The protocol decides, a Replica computes. gpu/ implements it on the CPU,
// on CUDA and in closed form; net/ and sim/ see only this.
//
// Thread rule: one thread at a time (the compute lane). Nothing here blocks on the network.
// Shards are the Schema's; a payload's size is checked against the schema by the caller, and
// again by the implementation, which answers with an Error and changes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/bytes.hpp"
#include "core/codec.hpp"
#include "core/ids.hpp"
#include "core/parts.hpp"
#include "core/planes.hpp"
#include "core/result.hpp"
#include "core/schema.hpp"

namespace murmur::core {

struct TrainStats {
  double loss = 0;  ///< mean over the steps' mini-batches, before each update
  /// False when the loss, a parameter or a number of the optimizer went NaN or infinite: then
  /// nothing of this replica is worth keeping.
  bool finite = true;
};

struct Evaluation {
  double loss = 0;      ///< mean over the held-out set
  double accuracy = 0;  ///< fraction right in [0, 1]; NaN where the task has no classes
};

/// What a mixing saw, over the shard.
struct MixStats {
  double distance = 0;  ///< ‖q‖₂, the difference as it was applied (before the weight)
  double norm = 0;      ///< ‖x‖₂ of the own shard, before
  /// About ‖x‖₂ of the neighbour's shard: what is known of it is the difference, and that to the
  /// codec's precision. At least where the distance is more than half of the norm.
  std::optional<double> theirs = std::nullopt;
};

/// What one replica gives another: the planes of `kind`, one after the other, each of 4 B a
/// parameter, little-endian.
struct Snapshot {
  StateKind kind;
  std::uint64_t optimizer_steps = 0;
  Parts planes;
};

class Replica {
 public:
  virtual ~Replica() = default;

  [[nodiscard]] virtual const Schema& schema() const = 0;
  /// What snapshot() gives, and all of what adopt() can take over.
  [[nodiscard]] virtual StateKind state_kind() const = 0;

  /// Takes `steps` >= 1 optimizer steps on the next mini-batches.
  virtual TrainStats train(std::uint32_t steps) = 0;
  /// On the held-out set.
  virtual Evaluation evaluate() = 0;

  /// Writes the own parameters of `shard` into `out` (replacing what it held). fp16 falls back to
  /// fp32 where a value is past fp16's range; returns the codec used.
  virtual Codec offer(ShardId shard, Codec codec, Bytes& out) = 0;

  /// The serving side of an exchange: decodes the neighbour's `offer`, takes the difference
  /// d = offer - x, encodes it once to q in `out`, and applies x += weight * decode(q). fp16 falls
  /// back to fp32 as above; `codec` is updated to the one used. `seed` drives stochastic rounding:
  /// the same inputs and seed give the same bytes on every backend.
  /// Error (nothing changed): a wrong size, or a value that is not finite.
  virtual Result<MixStats> respond(ShardId shard, Codec offer_codec, ByteView offer, Codec& codec,
                                   std::uint64_t seed, float weight, Bytes& out) = 0;

  /// The initiating side: x -= weight * decode(q). Error (nothing changed): a wrong size, or a
  /// value that is not finite.
  virtual Result<MixStats> absorb(ShardId shard, Codec codec, ByteView q, float weight) = 0;

  /// Everything of the replica, as opaque bytes: parameters, optimizer, and the place in the data.
  virtual void save(Bytes& out) = 0;
  /// Restores what save() wrote. Error (nothing changed): bytes that are not a state of this schema
  /// and optimizer.
  virtual Result<void> load(ByteView state) = 0;

  /// For another replica of this schema.
  virtual Snapshot snapshot() = 0;
  /// Takes over the parameters, and the optimizer where it is of the same kind; else the optimizer
  /// begins anew. The place in the data stays. Error (nothing changed): a wrong size, or a value
  /// that is not finite.
  virtual Result<void> adopt(const Snapshot& theirs) = 0;

  /// The flat parameters, copied to the host. `out.size()` == schema().parameters().
  virtual void read_parameters(std::span<float> out) = 0;
};

}  // namespace murmur::core
