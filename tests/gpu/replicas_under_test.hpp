// One suite for the network replicas of every device. gpu_tests runs it on the CPU with one thread
// and with several, gpu_cuda_tests on the first CUDA device.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "core/rng.hpp"
#include "gpu/replica_spec.hpp"
#include "gpu/replica_state.hpp"

namespace murmur::gpu::test {

struct DeviceUnderTest {
  std::string name;
  DeviceChoice choice;
  int threads = 1;
};

const std::vector<DeviceUnderTest>& devices_under_test();

inline std::unique_ptr<core::Replica> make(ReplicaSpec spec, const DeviceUnderTest& device) {
  spec.threads = device.threads;
  auto replica = make_replica(spec, device.choice);
  if (!replica) FAIL(replica.error().message);
  return std::move(*replica);
}

inline std::vector<float> parameters(core::Replica& replica) {
  std::vector<float> values(replica.schema().parameters());
  replica.read_parameters(values);
  return values;
}

/// The replica with these parameters, a fresh optimizer, and the first place in the data.
inline void set_parameters(core::Replica& replica, const ReplicaSpec& spec,
                           const std::vector<float>& values) {
  core::Bytes state;
  begin_state({}, replica.schema(), spec.optimizer, state);
  const std::span<float> arrays = state_arrays(state);
  std::fill(arrays.begin(), arrays.end(), 0.0F);
  std::copy(values.begin(), values.end(), arrays.begin());
  seal_state(state);
  REQUIRE(replica.load(state));
}

inline std::shared_ptr<core::Samples> random_samples(std::size_t rows, std::size_t width,
                                                     std::uint64_t seed) {
  auto samples = std::make_shared<core::Samples>();
  samples->rows = rows;
  samples->width = width;
  core::Rng rng(seed);
  for (std::size_t i = 0; i < rows * width; ++i) {
    samples->floats.push_back(static_cast<float>(rng.normal()));
  }
  return samples;
}

/// A small classification: rows of 5 features, 3 classes.
inline ReplicaSpec small_classifier(std::size_t rows = 23) {
  auto samples = random_samples(rows, 5, 11);
  for (std::size_t i = 0; i < rows; ++i) {
    samples->labels.push_back(static_cast<std::int32_t>((i * 7) % 3));
  }
  return {.model = *core::parse_model("mlp:5-8-6-3"),
          .train = samples,
          .held_out = samples,
          .classes = 3,
          .batch = 4};
}

}  // namespace murmur::gpu::test
