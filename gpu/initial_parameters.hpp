// Where training starts: PyTorch's nn.Linear draws weights and biases uniformly from
// ±1/sqrt(inputs). Drawn on the host, so that every backend starts from the same numbers.
//
// Thread rule: a pure function.
#pragma once

#include <cstdint>
#include <vector>

#include "core/schema.hpp"

namespace murmur::gpu {

/// `schema` is a network's: weights [out, in], each followed by its bias.
std::vector<float> initial_parameters(const core::Schema& schema, std::uint64_t seed);

}  // namespace murmur::gpu
