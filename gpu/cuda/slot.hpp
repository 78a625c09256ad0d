// Slot: an array of an optimizer's numbers. host/slot.hpp has the same names; what is in a GPU's
// memory is not shared with what is in the host's.
//
// Thread rule: the Context's.
#pragma once

#include <cstddef>

#include "core/parts.hpp"
#include "gpu/cuda/context.hpp"

namespace murmur::gpu::cuda {

class Slot {
 public:
  Slot() = default;
  Slot(Context& context, std::size_t size) : own_(context, size) {}

  [[nodiscard]] const float* data() const { return own_.data(); }
  float* own(Context& /*context*/) { return own_.data(); }
  bool give(Context& /*context*/, core::Parts& /*to*/) { return false; }
  bool take(const core::Parts& /*from*/, std::size_t /*at*/) { return false; }

 private:
  Buffer<float> own_;
};

}  // namespace murmur::gpu::cuda
