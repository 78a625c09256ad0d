// make_replica(): finds fault with a spec before anything is built from it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "gpu/closed_form.hpp"
#include "gpu/host/network_replica.hpp"
#include "gpu/module.hpp"
#include "gpu/replica_spec.hpp"

namespace murmur::gpu {
namespace {

constexpr int kThreadsMax = 1024;

bool fraction(float value) { return value >= 0.0F && value < 1.0F; }

core::Result<void> check_schedule(const Schedule& schedule) {
  using Kind = Schedule::Kind;
  if (schedule.kind == Kind::kStep &&
      (schedule.every < 1 || !(schedule.factor > 0 && schedule.factor < 1))) {
    return core::fail(
        fmt::format("schedule: a step every {} by a factor of {}: not 1 or more, and "
                    "between 0 and 1",
                    schedule.every, schedule.factor));
  }
  if (schedule.kind == Kind::kCosine && schedule.horizon <= schedule.warmup) {
    return core::fail(fmt::format("schedule: it ends at step {}, before {} steps of warm-up do",
                                  schedule.horizon, schedule.warmup));
  }
  return {};
}

core::Result<void> check_optimizer(const OptimizerSpec& spec) {
  if (!(spec.learning_rate > 0.0F) || !std::isfinite(spec.learning_rate)) {
    return core::fail(fmt::format("learning rate {}: not a positive number", spec.learning_rate));
  }
  if (!fraction(spec.momentum)) {
    return core::fail(fmt::format("momentum {}: not in [0, 1)", spec.momentum));
  }
  if (spec.kind == OptimizerKind::kSgd && spec.nesterov && spec.momentum == 0.0F) {
    return core::fail("Nesterov's method needs a momentum above 0");
  }
  if (!(spec.weight_decay >= 0.0F) || !std::isfinite(spec.weight_decay)) {
    return core::fail(fmt::format("weight decay {}: not 0 or above", spec.weight_decay));
  }
  if (!(spec.norm_max >= 0.0F) || !std::isfinite(spec.norm_max)) {
    return core::fail(fmt::format("clipping to a norm of {}: not 0 or above", spec.norm_max));
  }
  if (!fraction(spec.beta1) || !fraction(spec.beta2)) {
    return core::fail(fmt::format("betas {}, {}: not in [0, 1)", spec.beta1, spec.beta2));
  }
  if (!(spec.epsilon > 0.0F)) {
    return core::fail(fmt::format("epsilon {}: not above 0", spec.epsilon));
  }
  return check_schedule(spec.schedule);
}

core::Result<void> check_closed_form(const ReplicaSpec& spec) {
  const OptimizerSpec& optimizer = spec.optimizer;
  if (optimizer.kind != OptimizerKind::kSgd || optimizer.nesterov ||
      optimizer.weight_decay != 0.0F || optimizer.schedule.kind != Schedule::Kind::kConstant ||
      optimizer.schedule.warmup > 0 || optimizer.norm_max > 0) {
    return core::fail(fmt::format(
        "{}: the closed forms train with plain SGD (momentum, but neither Nesterov's nor decay), "
        "at a constant rate, without clipping",
        core::to_string(spec.model)));
  }
  if (spec.accumulate != 1 || spec.augment.any()) {
    return core::fail(fmt::format("{}: the closed forms have no batches to accumulate or augment",
                                  core::to_string(spec.model)));
  }
  return {};
}

/// A text: rows with room for every phase, and a model of as many tokens as its own.
core::Result<void> check_tokens(const ReplicaSpec& spec, const char* what,
                                const core::Samples& samples) {
  const std::string model = core::to_string(spec.model);
  if (spec.model.vocabulary() != spec.classes) {
    return core::fail(fmt::format("{}: takes {} tokens, but the {} data are a text of {}", model,
                                  spec.model.vocabulary(), what, spec.classes));
  }
  const core::Shape outputs{samples.width, spec.classes};
  if (spec.model.shapes.back() != outputs) {
    return core::fail(fmt::format("{}: gives {}, but of a text it is to give {}", model,
                                  core::to_string(spec.model.shapes.back()),
                                  core::to_string(outputs)));
  }
  if (samples.width < 1 || samples.tokens.size() < (samples.rows + 1) * samples.width) {
    return core::fail(fmt::format("{} data: {} tokens are not {} rows of {} and a phase", what,
                                  samples.tokens.size(), samples.rows, samples.width));
  }
  return {};
}

/// Where the model takes tokens, numbers are to be such.
core::Result<void> check_vocabulary(const core::ModelSpec& model, const char* what,
                                    const core::Samples& samples) {
  const std::size_t vocabulary = model.vocabulary();
  if (vocabulary == 0) return {};
  const auto is_token = [vocabulary](float value) {
    return value >= 0.0F && value < static_cast<float>(vocabulary) && value == std::floor(value);
  };
  const auto are_tokens = [&](const std::uint8_t* row) {
    return std::all_of(row, row + samples.width, [&](std::uint8_t b) {
      return is_token(samples.scale * static_cast<float>(b));
    });
  };
  bool bytes = true;
  for (std::size_t i = 0; bytes && !samples.bytes.empty() && i < samples.rows; ++i) {
    bytes = are_tokens(samples.bytes.row(i, samples.width));
  }
  if (bytes && std::all_of(samples.floats.begin(), samples.floats.end(), is_token)) return {};
  return core::fail(
      fmt::format("{}: takes tokens, whole numbers in 0..{}, which the {} data are not",
                  core::to_string(model), vocabulary - 1, what));
}

/// `what` names the part of the data set.
core::Result<void> check_samples(const ReplicaSpec& spec, const char* what,
                                 const core::Samples* samples) {
  const std::string model = core::to_string(spec.model);
  if (samples == nullptr) return core::fail(fmt::format("{}: no {} data", model, what));
  const std::size_t rows = samples->rows;
  if (rows >= std::numeric_limits<std::uint32_t>::max()) {
    return core::fail(fmt::format("{} data: {} rows are too many", what, rows));
  }
  if (samples->width != spec.model.inputs()) {
    return core::fail(fmt::format("{}: takes {} inputs, but the {} data have {} features", model,
                                  spec.model.inputs(), what, samples->width));
  }
  if (!samples->tokens.empty()) return check_tokens(spec, what, *samples);
  const std::size_t features = samples->width == 0 ? 0
                               : samples->bytes.empty()
                                   ? samples->floats.size()
                                   : samples->bytes.rows(samples->width) * samples->width;
  if (features != rows * samples->width) {
    return core::fail(
        fmt::format("{} data: not {} features in each of {} rows", what, samples->width, rows));
  }
  if (auto ok = check_vocabulary(spec.model, what, *samples); !ok) return ok;
  const std::size_t outputs = spec.model.outputs();
  if (spec.classes == 0) {
    if (samples->target_width != outputs || samples->targets.size() != rows * outputs) {
      return core::fail(fmt::format("{}: gives {} outputs, but the {} data have {} targets", model,
                                    outputs, what, samples->target_width));
    }
    return {};
  }
  if (outputs == 0 || outputs % spec.classes != 0 ||
      (outputs != spec.classes && spec.model.shapes.back().back() != spec.classes)) {
    return core::fail(fmt::format("{}: gives {} outputs, but the data have {} classes", model,
                                  outputs, spec.classes));
  }
  const std::size_t positions = outputs / spec.classes;
  if (samples->labels.size() != rows * positions) {
    return core::fail(fmt::format("{} data: {} labels for {} rows{}", what, samples->labels.size(),
                                  rows, positions == 1 ? "" : fmt::format(" of {}", positions)));
  }
  for (const std::int32_t label : samples->labels) {
    if (label < 0 || static_cast<std::size_t>(label) >= spec.classes) {
      return core::fail(
          fmt::format("{} data: label {} is not in 0..{}", what, label, spec.classes - 1));
    }
  }
  return {};
}

core::Result<void> check_network(const ReplicaSpec& spec) {
  if (spec.batch < 1 || spec.batch > kBatchMax) {
    return core::fail(fmt::format("batch {}: not in 1..{}", spec.batch, kBatchMax));
  }
  if (spec.threads < 1 || spec.threads > kThreadsMax) {
    return core::fail(fmt::format("threads {}: not in 1..{}", spec.threads, kThreadsMax));
  }
  if (spec.initial) {
    const std::size_t parameters = core::make_schema(spec.model).parameters();
    if (spec.initial->size() != parameters) {
      return core::fail(fmt::format("{}: {} initial parameters, not {}",
                                    core::to_string(spec.model), spec.initial->size(), parameters));
    }
  }
  if (spec.accumulate < 1 || spec.accumulate > kAccumulateMax) {
    return core::fail(
        fmt::format("accumulation of {} batches: not in 1..{}", spec.accumulate, kAccumulateMax));
  }
  const core::Shape& input = spec.model.shapes.front();
  if (spec.augment.any() && input.size() != 3) {
    return core::fail(
        fmt::format("augmenting: {} takes {}, and no image of channels, rows and "
                    "columns",
                    core::to_string(spec.model), core::to_string(input)));
  }
  if (spec.augment.any() && spec.augment.crop >= std::min(input[1], input[2])) {
    return core::fail(fmt::format("augmenting: a crop moved by {} of {}", spec.augment.crop,
                                  core::to_string(input)));
  }
  return check_data(spec);
}

}  // namespace

core::Result<void> check_data(const ReplicaSpec& spec) {
  if (auto ok = check_samples(spec, "training", spec.train.get()); !ok) return ok;
  if (spec.train->rows == 0) return core::fail("training data: no rows");
  return check_samples(spec, "held-out", spec.held_out.get());
}

core::Result<void> check_replica(const ReplicaSpec& spec) {
  if (auto ok = check_optimizer(spec.optimizer); !ok) return ok;
  return spec.model.closed_form() ? check_closed_form(spec) : check_network(spec);
}

core::Result<std::unique_ptr<core::Replica>> make_replica(const ReplicaSpec& spec,
                                                          const DeviceChoice& device) {
  if (auto ok = check_replica(spec); !ok) return tl::make_unexpected(ok.error());
  if (spec.model.closed_form()) return std::make_unique<ClosedFormReplica>(spec);
  if (device.cuda) return make_cuda_replica(spec, device.ordinal);
  return host::make_network_replica(spec);
}

}  // namespace murmur::gpu
