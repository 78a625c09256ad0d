// Workspace: the memory of what a step computes and nobody needs after it: activations, and the
// gradient. Replicas that take turns on one thread may share one. Compiled once a backend
// (gpu/shared/backend.hpp).
//
// Thread rule: one thread at a time.
#pragma once

#include <cstddef>

#include "gpu/shared/backend.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

class Workspace {
 public:
  /// Room for `size` floats. What was in it is lost where it grows.
  void reserve(Context& context, std::size_t size) {
    if (memory_.size() < size) memory_ = Buffer<float>(context, size);
  }
  [[nodiscard]] float* data() { return memory_.data(); }

 private:
  Buffer<float> memory_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
