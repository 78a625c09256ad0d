// Sums in an order that the width of no vector unit changes. Compiled once a backend
// (gpu/shared/backend.hpp).
#pragma once

#include <cstddef>

#include "gpu/shared/backend.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// f(0) + ... + f(n - 1), by sixteen partial sums.
template <class F>
MURMUR_HD float lane_sum(std::size_t n, const F& f) {
  constexpr std::size_t kLanes = 16;
  float lanes[kLanes] = {};
  const std::size_t whole = n / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += f(i + lane);
  }
  for (std::size_t i = whole; i < n; ++i) lanes[i - whole] += f(i);
  for (std::size_t step = kLanes / 2; step > 0; step /= 2) {
    for (std::size_t lane = 0; lane < step; ++lane) lanes[lane] += lanes[lane + step];
  }
  return lanes[0];
}

}  // namespace murmur::gpu::MURMUR_BACKEND
