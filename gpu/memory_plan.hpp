// Where in one memory many buffers lie that do not all live at once: of those whose lives overlap
// no two share a place.
//
// Thread rule: a pure function.
#pragma once

#include <cstddef>
#include <vector>

namespace murmur::gpu {

struct BufferLife {
  std::size_t size = 0;   ///< elements
  std::size_t first = 0;  ///< the time at which it is first written
  std::size_t last = 0;   ///< the time at which it is last read, >= first
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  ///< of each buffer, multiples of 16 elements
  std::size_t size = 0;              ///< elements in all
};

MemoryPlan plan_memory(const std::vector<BufferLife>& buffers);

}  // namespace murmur::gpu
