// x += weight * q over backend memory, all in float.
#pragma once

#include <cstddef>

#include "gpu/shared/backend.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

struct MixElement {
  float* x;
  const float* q;
  float weight;
  MURMUR_HD void operator()(std::size_t i) const { x[i] += weight * q[i]; }
};

inline void mix(Context& context, float* x, const float* q, std::size_t n, float weight) {
  for_each_index(context, n, MixElement{x, q, weight});
}

}  // namespace murmur::gpu::MURMUR_BACKEND
