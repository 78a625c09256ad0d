#include "gpu/memory_plan.hpp"

#include <algorithm>
#include <numeric>

namespace murmur::gpu {
namespace {

constexpr std::size_t kAlign = 16;

std::size_t aligned(std::size_t size) { return (size + kAlign - 1) / kAlign * kAlign; }

}  // namespace

// The largest first, each at the lowest place that is free for its life (Pisarchyk, Lee, arXiv
// 2001.03288: within a few per cent of the bound for networks, whatever their form).
MemoryPlan plan_memory(const std::vector<BufferLife>& buffers) {
  std::vector<std::size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return buffers[a].size > buffers[b].size; });
  MemoryPlan plan{std::vector<std::size_t>(buffers.size(), 0), 0};
  std::vector<std::size_t> placed;  // by their offset
  for (const std::size_t i : order) {
    const std::size_t size = aligned(buffers[i].size);
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      const bool overlap =
          buffers[i].first <= buffers[other].last && buffers[other].first <= buffers[i].last;
      if (!overlap) continue;
      if (offset + size <= plan.offsets[other]) break;
      offset = std::max(offset, plan.offsets[other] + aligned(buffers[other].size));
    }
    plan.offsets[i] = offset;
    plan.size = std::max(plan.size, offset + size);
    const auto after = std::upper_bound(
        placed.begin(), placed.end(), offset,
        [&](std::size_t value, std::size_t other) { return value < plan.offsets[other]; });
    placed.insert(after, i);
  }
  return plan;
}

}  // namespace murmur::gpu
