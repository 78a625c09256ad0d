// Whether numbers are finite. Compiled once a backend (gpu/shared/backend.hpp).
//
// Thread rule: the Context's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "gpu/shared/backend.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// Raises `flag` if any of a block of values is not finite.
struct FlagNotFinite {
  static constexpr std::size_t kBlock = 256;
  const float* values;
  std::size_t size;
  std::uint32_t* flag;
  MURMUR_HD void operator()(std::size_t block) const {
    const std::size_t begin = block * kBlock;
    const std::size_t end = begin + kBlock < size ? begin + kBlock : size;
    std::uint32_t most = 0;
    for (std::size_t i = begin; i < end; ++i) {
      std::uint32_t magnitude;
      memcpy(&magnitude, values + i, sizeof(magnitude));
      magnitude &= 0x7fffffffU;
      most = magnitude > most ? magnitude : most;
    }
    if (most >= 0x7f800000U) *flag = 1;
  }
};

}  // namespace murmur::gpu::MURMUR_BACKEND
