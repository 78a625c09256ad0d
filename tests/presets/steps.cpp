#include "tests/presets/steps.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "core/rng.hpp"
#include "gpu/row_order.hpp"

namespace murmur::testing {
namespace {

constexpr std::size_t kBatches = 3;

}  // namespace

gpu::ReplicaSpec spec_of(const std::string& preset) {
  gpu::ReplicaSpec spec;
  spec.model = core::parse_model(preset).value();
  for (core::Layer& layer : spec.model.layers) {
    if (auto* const dropout = std::get_if<core::DropoutSpec>(&layer.spec)) dropout->rate = 0;
  }
  // Of half a million ReLUs some have nearly nothing before them, and the last bit of a sum decides
  // whether their gradient goes through. More rows and smaller steps make less of one.
  const bool deep = preset == "resnet20";
  spec.batch = deep ? 16 : 4;
  auto samples = std::make_shared<core::Samples>();
  samples->rows = spec.batch * kBatches;
  samples->width = spec.model.inputs();
  core::Rng rng(7);
  const std::size_t vocabulary = spec.model.vocabulary();
  for (std::size_t i = 0; i < samples->rows * samples->width; ++i) {
    samples->floats.push_back(static_cast<float>(
        vocabulary > 0 ? static_cast<double>(rng.below(vocabulary)) : rng.uniform()));
  }
  const core::Shape& shape = spec.model.shapes.back();
  if (spec.model.outputs() > 1) {
    spec.classes = shape.back();
    const std::size_t labels = samples->rows * spec.model.outputs() / spec.classes;
    for (std::size_t i = 0; i < labels; ++i) {
      samples->labels.push_back(static_cast<std::int32_t>(rng.below(spec.classes)));
    }
  } else {
    samples->target_width = 1;
    for (std::size_t i = 0; i < samples->rows; ++i) {
      samples->targets.push_back(static_cast<float>(rng.uniform()));
    }
  }
  spec.train = samples;
  spec.held_out = samples;
  spec.optimizer.learning_rate = deep ? 0.0005F : 0.01F;
  if (vocabulary > 0) {
    spec.optimizer.kind = gpu::OptimizerKind::kAdamW;
    spec.optimizer.learning_rate = 0.001F;
    spec.optimizer.weight_decay = 0.1F;
  }
  return spec;
}

std::vector<std::uint32_t> rows_of_step(const gpu::ReplicaSpec& spec, std::size_t step) {
  const auto rows = static_cast<std::uint32_t>(spec.train->rows);
  const gpu::RowOrder order(spec.seed, spec.stream, step / kBatches, rows);
  std::vector<std::uint32_t> which;
  for (std::size_t i = 0; i < spec.batch; ++i) {
    which.push_back(order(static_cast<std::uint32_t>(step % kBatches * spec.batch + i)));
  }
  return which;
}

Taken take_steps(const gpu::ReplicaSpec& spec, std::size_t steps) {
  auto replica = gpu::make_replica(spec);
  if (!replica) {
    std::fprintf(stderr, "%s\n", replica.error().message.c_str());
    std::exit(1);
  }
  Taken taken;
  taken.before.resize((*replica)->schema().parameters());
  taken.after = taken.before;
  (*replica)->read_parameters(taken.before);
  for (std::size_t i = 0; i < steps; ++i) taken.losses.push_back((*replica)->train(1).loss);
  (*replica)->read_parameters(taken.after);
  return taken;
}

std::vector<double> fingerprint(const std::vector<float>& parameters) {
  std::vector<double> sums(3, 0.0);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const double x = parameters[i];
    sums[0] += x * x;
    sums[1] += x * std::cos(0.01 * static_cast<double>(i));
    sums[2] += x * std::cos(1.7 * static_cast<double>(i));
  }
  sums[0] = std::sqrt(sums[0]);
  return sums;
}

}  // namespace murmur::testing
