// What `murmur peer` and `murmur sim` have in common: the flags that say what to train and how to
// exchange, and what is made from them.
// Thread rule: values; immutable once parsed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/command_line.hpp"
#include "core/dataset.hpp"
#include "core/duration.hpp"
#include "core/model_spec.hpp"
#include "gossip/config.hpp"
#include "gpu/replica_spec.hpp"

namespace murmur::apps {

struct Optimizer {
  gpu::OptimizerKind kind = gpu::OptimizerKind::kSgd;
  bool nesterov = false;
};

/// What an exchange's two messages are written in.
struct Codecs {
  core::Codec offer = core::Codec::kFp16;
  core::Codec transfer = core::Codec::kInt8;
};

struct Training {
  std::string data = "digits";
  double dirichlet_alpha = 0;
  std::optional<core::ModelSpec> model;
  Optimizer optimizer;
  std::optional<float> learning_rate;  ///< none: by optimizer
  /// Without its warm-up; kCosine, horizon 0: to the last step. None: that where the run is of
  /// epochs, else constant.
  std::optional<gpu::Schedule> schedule;
  std::uint64_t warmup = 0;    ///< steps
  std::filesystem::path init;  ///< empty: the parameters are drawn
  float momentum = 0.9F;
  float weight_decay = 0;
  float clip_norm = 0;  ///< 0: none
  std::size_t batch = 32;
  std::size_t accumulate = 1;  ///< batches a step
  gpu::Augment augment;
  std::uint64_t steps = 0;   ///< 0: no limit
  std::uint64_t epochs = 0;  ///< 0: no limit
  core::Duration duration{0};
  gossip::Rule rule = gossip::Rule::kAverage;
  std::uint32_t exchange_every = 0;  ///< 0: automatic
  Codecs codecs;
  gossip::StalenessPolicy staleness;
  core::Duration settle = gossip::Config().settle_max;
  core::Duration linger = gossip::Config().linger;
  std::uint32_t eval_every = 0;  ///< 0: automatic
  std::uint64_t seed = 1;
};

/// `steps_default`: shown for --steps.
void add_training_flags(CommandLine& line, Training& training, const std::string& steps_default);

/// The model and the data, checked to fit each other. The closed forms have no data.
struct Task {
  core::ModelSpec model;
  std::shared_ptr<const core::Samples> train;  ///< all of it, before it is dealt out
  std::shared_ptr<const core::Samples> held_out;
  std::size_t classes = 0;
  std::shared_ptr<const std::vector<float>> initial;  ///< null: drawn
};

struct ModelAndData {
  core::ModelSpec model;
  core::Dataset data;
};

/// What --data and --model name, a network; a text is cut into rows of the model's context. Error:
/// what load_dataset() refuses, or a model that does not fit the data.
core::Result<ModelAndData> load_model_and_data(const Training& training);

/// Those in a safetensors file. Error: they are not the model's, or not finite.
core::Result<std::shared_ptr<const std::vector<float>>> load_parameters(
    const std::filesystem::path& path, const core::ModelSpec& model);

/// Error: what load_dataset() refuses, a model that does not fit the data, or a --init that does
/// not fit the model.
core::Result<Task> load_task(const Training& training);

/// The rows that part `index` of `count` trains on.
core::Result<std::shared_ptr<const core::Samples>> part_of(const Task& task,
                                                           const Training& training,
                                                           std::size_t index, std::size_t count);

/// `train` comes from part_of(); `stream` tells peers of one seed apart.
gpu::ReplicaSpec replica_spec(const Task& task, const Training& training,
                              std::shared_ptr<const core::Samples> train, std::uint64_t stream,
                              int threads);

/// The protocol's configuration for a peer that trains on `rows` rows: an epoch is every one once.
gossip::Config gossip_config(const Training& training, std::size_t rows);

}  // namespace murmur::apps
