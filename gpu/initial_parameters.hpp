// Where training starts: each tensor by its own rule, drawn on the host, so that every backend
// starts from the same numbers.
//
// Thread rule: a pure function.
#pragma once

#include <cstdint>
#include <vector>

#include "core/model_spec.hpp"

namespace murmur::gpu {

/// Of a network, in the layout of core::make_schema().
std::vector<float> initial_parameters(const core::ModelSpec& model, std::uint64_t seed);

}  // namespace murmur::gpu
