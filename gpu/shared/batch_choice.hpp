// BatchChoice: what of a batch of training differs from that of the one before. It lies in the
// backend's memory, where the kernels read it, so that the calls of a step need not know it.
// Compiled once a backend (gpu/shared/backend.hpp).
//
// Thread rule: values.
#pragma once

#include <cstdint>

#include "gpu/row_order.hpp"
#include "gpu/shared/backend.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

struct BatchChoice {
  RowOrder order;       ///< of its epoch
  std::uint32_t begin;  ///< its first row's place in that
  std::uint32_t phase;  ///< tokens: by how many each row begins later
  std::uint64_t draw;   ///< of its own, for all that is drawn for it
};

}  // namespace murmur::gpu::MURMUR_BACKEND
