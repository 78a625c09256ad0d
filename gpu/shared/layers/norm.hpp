// What the two normalisations share: the mean of a run of numbers, and how far they are from it.
// Compiled once a backend (gpu/shared/backend.hpp).
#pragma once

#include <cmath>
#include <cstddef>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/sums.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// (x - mean) * scale has mean 0 and variance 1; saved for the backward pass.
struct RunStatistics {
  float mean;
  float scale;
};

MURMUR_HD RunStatistics statistics_of(const float* from, std::size_t n) {
  constexpr float kEpsilon = 1e-5F;  // PyTorch's
  const auto count = static_cast<float>(n);
  const float mean = lane_sum(n, [from](std::size_t i) { return from[i]; }) / count;
  const float square =
      lane_sum(n, [from, mean](std::size_t i) { return (from[i] - mean) * (from[i] - mean); });
  return {mean, 1.0F / sqrtf(square / count + kEpsilon)};
}

}  // namespace murmur::gpu::MURMUR_BACKEND
