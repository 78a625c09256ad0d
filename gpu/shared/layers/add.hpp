// What a residual adds: an earlier value to this one. Compiled once a backend
// (gpu/shared/backend.hpp).
#pragma once

#include <cstddef>

#include "gpu/shared/backend.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

struct AddElements {
  const float* a;
  const float* b;
  float* sum;
  MURMUR_HD void operator()(std::size_t i) const { sum[i] = a[i] + b[i]; }
};

}  // namespace murmur::gpu::MURMUR_BACKEND
