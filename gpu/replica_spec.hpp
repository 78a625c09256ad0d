// What a replica is made from: the model, the data, the optimizer, and the randomness.
//
// Thread rule: values. Peers with the same `model` and `seed` start from the same parameters;
// `stream` tells them apart in all else (the order of their batches, their closed form's own
// minimiser and noise).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/dataset.hpp"
#include "core/model_spec.hpp"
#include "core/replica.hpp"
#include "core/result.hpp"
#include "core/schema.hpp"
#include "gpu/device.hpp"
#include "gpu/schedule.hpp"

namespace murmur::gpu {

namespace host {
class Workspace;  // gpu/shared/workspace.hpp
}

enum class OptimizerKind : std::uint8_t { kSgd = 0, kAdam = 1, kAdamW = 2 };

/// The update formulas, and what the fields mean, are PyTorch's.
struct OptimizerSpec {
  OptimizerKind kind = OptimizerKind::kSgd;
  float learning_rate = 0.1F;
  Schedule schedule = {};
  float momentum = 0.9F;      ///< SGD
  bool nesterov = false;      ///< SGD, with momentum
  float weight_decay = 0.0F;  ///< added to the gradient; AdamW decays the parameters instead
  float beta1 = 0.9F;         ///< Adam
  float beta2 = 0.999F;       ///< Adam
  float epsilon = 1e-8F;      ///< Adam
  float norm_max = 0.0F;      ///< a longer gradient is scaled down to it; 0: none is
};

/// What is done to each image of a batch before it is trained on, drawn anew each time.
struct Augment {
  bool flip = false;     ///< half of them: left for right
  std::size_t crop = 0;  ///< moved by up to so many pixels each way, zeros at the edge
  [[nodiscard]] bool any() const { return flip || crop > 0; }
};

constexpr std::size_t kAccumulateMax = 65535;
constexpr std::size_t kBatchMax = 65535;  ///< times a width of 65536: under 2^32 activations

struct ReplicaSpec {
  core::ModelSpec model = {};
  /// This peer's part, and what evaluate() measures on. The closed forms use neither.
  std::shared_ptr<const core::Samples> train = nullptr;
  std::shared_ptr<const core::Samples> held_out = nullptr;
  std::size_t classes = 0;  ///< the data set's; 0 for regression
  /// The parameters to begin from, the schema's flat array; null: they are drawn from `seed`.
  std::shared_ptr<const std::vector<float>> initial = nullptr;
  OptimizerSpec optimizer = {};
  std::size_t batch = 32;      ///< rows a step, 1..kBatchMax; the last of an epoch may be smaller
  std::size_t accumulate = 1;  ///< batches a step, whose mean gradient it takes
  Augment augment = {};
  std::uint64_t seed = 1;
  std::uint64_t stream = 0;  ///< of a network: until it loads a state, whose own it goes on with
  int threads = 1;           ///< on the CPU
  /// On the CPU: shared by replicas that take turns on one thread (host::make_workspace()); null:
  /// its own.
  std::shared_ptr<host::Workspace> workspace = nullptr;
  std::size_t shard_parameters = core::kShardParameters;
};

/// Error: the data do not fit the model, as make_replica() would say it.
core::Result<void> check_data(const ReplicaSpec& spec);

/// Error: one line saying which field of the spec cannot be, as make_replica() would say it.
core::Result<void> check_replica(const ReplicaSpec& spec);

/// Error: what check_replica() says, or why the device cannot be used.
/// The closed forms live on the CPU whatever the device.
core::Result<std::unique_ptr<core::Replica>> make_replica(const ReplicaSpec& spec,
                                                          const DeviceChoice& device = {});

}  // namespace murmur::gpu
