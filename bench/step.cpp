// murmur's side of bench/vs_pytorch: trains MODEL on one fixed random batch of 64.
//   bench_step FILE MODEL   writes the batch and the initial parameters to FILE and the model to
//                           FILE.toml, then for each line "N" on stdin takes N steps and answers
//                           {"seconds": ..., "loss": ...}
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "core/model_toml.hpp"
#include "core/rng.hpp"
#include "gpu/device.hpp"
#include "gpu/replica_spec.hpp"

namespace {

using namespace murmur;

constexpr std::size_t kBatch = 64;

/// What the model tells apart at how many positions; it gives one number: a target.
struct Output {
  std::size_t classes, positions;
};

Output output_of(const core::ModelSpec& model) {
  const core::Shape& shape = model.shapes.back();
  if (model.outputs() == 1) return {0, 1};
  return {shape.back(), model.outputs() / shape.back()};
}

std::shared_ptr<const core::Samples> random_batch(const core::ModelSpec& model) {
  auto samples = std::make_shared<core::Samples>();
  samples->rows = kBatch;
  samples->width = model.inputs();
  core::Rng rng(7);
  const std::size_t vocabulary = model.vocabulary();
  for (std::size_t i = 0; i < kBatch * samples->width; ++i) {
    samples->floats.push_back(static_cast<float>(
        vocabulary > 0 ? static_cast<double>(rng.below(vocabulary)) : rng.uniform()));
  }
  const auto [classes, positions] = output_of(model);
  if (classes == 0) {
    samples->target_width = 1;
    for (std::size_t i = 0; i < kBatch; ++i) {
      samples->targets.push_back(static_cast<float>(rng.uniform()));
    }
  }
  for (std::size_t i = 0; classes > 0 && i < kBatch * positions; ++i) {
    samples->labels.push_back(static_cast<std::int32_t>(rng.below(classes)));
  }
  return samples;
}

template <class T>
void write(std::ofstream& file, const std::vector<T>& values) {
  file.write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(T)));
}

core::Result<void> run(const std::string& path, const char* name) {
  auto model = core::parse_model(name);
  if (!model) return tl::make_unexpected(model.error());
  // What one drops the other cannot know.
  for (core::Layer& layer : model->layers) {
    if (auto* const dropout = std::get_if<core::DropoutSpec>(&layer.spec)) dropout->rate = 0;
  }
  const auto batch = random_batch(*model);
  gpu::ReplicaSpec spec{.model = *model,
                        .train = batch,
                        .held_out = batch,
                        .classes = output_of(*model).classes,
                        .optimizer = {.learning_rate = 0.01F, .momentum = 0.9F},
                        .batch = kBatch};
  // A peer looks for a GPU; what that costs belongs to the start. The comparison is of CPUs.
  if (auto device = gpu::choose_device("auto"); !device) {
    return tl::make_unexpected(device.error());
  }
  auto replica = gpu::make_replica(spec);
  if (!replica) return tl::make_unexpected(replica.error());

  std::vector<float> parameters((*replica)->schema().parameters());
  (*replica)->read_parameters(parameters);
  std::ofstream(path + std::string(".toml")) << core::to_toml(*model);
  std::ofstream file(path, std::ios::binary);
  write(file, batch->floats);
  write(file, batch->labels);
  write(file, batch->targets);
  write(file, parameters);
  file.close();
  if (!file) return core::fail(fmt::format("{}: cannot write", path));

  for (std::uint32_t steps = 0; std::cin >> steps;) {
    const auto start = std::chrono::steady_clock::now();
    const core::TrainStats stats = (*replica)->train(steps);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    fmt::print("{{\"seconds\": {:.9f}, \"loss\": {:.9f}}}\n", taken.count(), stats.loss);
    std::fflush(stdout);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: bench_step FILE MODEL\n");
    return 2;
  }
  if (auto done = run(argv[1], argv[2]); !done) {
    fmt::print(stderr, "bench_step: {}\n", done.error().message);
    return 1;
  }
}
