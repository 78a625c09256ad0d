// Where a network's values lie: what lives at the same time never shares a place.
#include "gpu/network_plan.hpp"

#include "../catch.hpp"
#include "core/rng.hpp"
#include "gpu/memory_plan.hpp"

namespace murmur::gpu {
namespace {

constexpr std::size_t kNowhere = NetworkPlan::kNowhere;

TEST_CASE("buffers that live at the same time do not overlap, and the others share") {
  core::Rng rng(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<BufferLife> buffers;
    for (std::uint64_t i = 1 + rng.below(12); i > 0; --i) {
      const std::size_t first = rng.below(10);
      buffers.push_back({rng.below(100), first, first + rng.below(6)});
    }
    const MemoryPlan plan = plan_memory(buffers);
    for (std::size_t a = 0; a < buffers.size(); ++a) {
      CHECK(plan.offsets[a] % 16 == 0);
      CHECK(plan.offsets[a] + buffers[a].size <= plan.size);
      for (std::size_t b = 0; b < a; ++b) {
        if (buffers[a].first > buffers[b].last || buffers[b].first > buffers[a].last) continue;
        CHECK((plan.offsets[a] + buffers[a].size <= plan.offsets[b] ||
               plan.offsets[b] + buffers[b].size <= plan.offsets[a]));
      }
    }
  }
  CHECK(plan_memory({{160, 0, 1}, {160, 2, 3}, {160, 4, 4}}).size == 160);
}

/// Four layers of one width, the kinds that keep their input.
std::vector<Operation> chain(std::size_t length) {
  std::vector<Operation> operations;
  for (std::size_t i = 0; i < length; ++i) {
    operations.push_back({.from = i, .to = i + 1, .with = {}, .needs = {.input = true}});
  }
  return operations;
}

TEST_CASE("training keeps every layer's input; two gradients at a time, and none of the data's") {
  const NetworkPlan plan = plan_network(chain(4), {16, 16, 16, 16, 16}, 1, true);
  CHECK(plan.gradients[0] == kNowhere);
  CHECK(plan.operations[0].from.offset == kNowhere);
  // The loss's gradient lies where the outputs were; one more buffer makes two gradients.
  CHECK(plan.gradients[4] == plan.values[4]);
  CHECK(plan.size == 6 * 16);
}

TEST_CASE("evaluating keeps two values of a chain, however long it is") {
  const NetworkPlan plan = plan_network(chain(9), std::vector<std::size_t>(10, 16), 3, false);
  CHECK(plan.size == 2 * 3 * 16);
  CHECK(plan.operations[4].from.offset == kNowhere);
}

TEST_CASE("a layer that may works in place, but not on what another layer reads") {
  std::vector<Operation> operations = chain(3);
  operations[1].needs = {.output = true, .in_place = true};
  const std::vector<std::size_t> sizes(4, 16);
  NetworkPlan plan = plan_network(operations, sizes, 1, true);
  CHECK(plan.values[2] == plan.values[1]);
  CHECK(plan.gradients[2] == plan.gradients[1]);
  operations[0].needs.output = true;
  plan = plan_network(operations, sizes, 1, true);
  CHECK(plan.values[2] != plan.values[1]);
}

TEST_CASE("scratch for each row is for as many as there are, up to those looked at together") {
  std::vector<Operation> operations = chain(1);
  operations[0].needs = {.row_scratch = 160, .rows_together = 8};
  for (const std::size_t rows : {1U, 7U, 8U, 9U}) {
    const NetworkPlan plan = plan_network(operations, {16, 16}, rows, false);
    CHECK(plan.size == 2 * 16 * rows + 160 * std::min<std::size_t>(rows, 8));
  }
}

TEST_CASE("a value that two read gets the sum of their gradients") {
  // 0 -> 1 -> 2, and 3 = 2 + 1, 3 -> 4
  std::vector<Operation> operations = chain(2);
  operations.push_back({.from = 2, .to = 3, .with = 1, .needs = {.in_place = true}});
  operations.push_back({.from = 3, .to = 4, .with = {}, .needs = {.input = true}});
  const NetworkPlan plan = plan_network(operations, std::vector<std::size_t>(5, 16), 1, true);
  CHECK(plan.gradients[2] == plan.gradients[3]);
  CHECK(plan.operations[2].with_gradient == plan.gradients[1]);
  CHECK_FALSE(plan.operations[2].adds_with);
  CHECK(plan.operations[1].from.offset == plan.gradients[1]);
  CHECK(plan.operations[1].from.by_way_of != kNowhere);
  CHECK(plan.operations[1].from.by_way_of != plan.gradients[1]);
}

}  // namespace
}  // namespace murmur::gpu
