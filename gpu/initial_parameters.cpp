#include "gpu/initial_parameters.hpp"

#include <cmath>

#include "core/rng.hpp"

namespace murmur::gpu {

std::vector<float> initial_parameters(const core::Schema& schema, std::uint64_t seed) {
  std::vector<float> parameters(schema.parameters());
  core::Rng rng(seed, 0, "initial parameters");
  double bound = 0;
  for (const core::Tensor& tensor : schema.tensors()) {
    if (tensor.shape.size() == 2) bound = 1 / std::sqrt(static_cast<double>(tensor.shape[1]));
    for (std::size_t i = 0; i < tensor.size; ++i) {
      parameters[tensor.offset + i] = static_cast<float>((2 * rng.uniform() - 1) * bound);
    }
  }
  return parameters;
}

}  // namespace murmur::gpu
