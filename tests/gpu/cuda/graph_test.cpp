// A step as a CUDA graph: captured once, it takes every step that comes after.
#include "../graph_cases.hpp"
#include "steps_by_graph.hpp"

namespace murmur::gpu::test {
namespace {

TEST_CASE("a graph captured of one step takes those after it, to the last bit") {
  for (const auto& [name, spec] : graph_cases()) {
    INFO(name);
    const auto ordinary = make(spec, devices_under_test().front());
    ordinary->train(kGraphSteps);
    core::Bytes state;
    ordinary->save(state);
    CHECK(state_after_graph(spec, kGraphSteps) == state);
  }
}

}  // namespace
}  // namespace murmur::gpu::test
