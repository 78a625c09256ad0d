// Training by a CUDA graph, behind a function that needs no nvcc.
#pragma once

#include <cstdint>

#include "core/bytes.hpp"
#include "gpu/replica_spec.hpp"

namespace murmur::gpu::test {

/// What a replica on the first CUDA device saves after `steps` >= 2 steps: the first of them
/// ordinary, the others launches of one graph, which was captured of the second. All their batches
/// have as many rows.
core::Bytes state_after_graph(const ReplicaSpec& spec, std::uint32_t steps);

}  // namespace murmur::gpu::test
