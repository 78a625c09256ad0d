#include "gpu/initial_parameters.hpp"

#include "core/rng.hpp"

namespace murmur::gpu {

std::vector<float> initial_parameters(const core::ModelSpec& model, std::uint64_t seed) {
  std::vector<float> values;
  core::Rng rng(seed, 0, "initial parameters");
  for (const core::Parameter& parameter : core::parameters_of(model)) {
    const double value = parameter.initial.value;
    const auto draw = [&] {
      switch (parameter.initial.rule) {
        case core::Initial::Rule::kUniform:
          return (2 * rng.uniform() - 1) * value;
        case core::Initial::Rule::kNormal:
          return rng.normal() * value;
        case core::Initial::Rule::kConstant:
          break;
      }
      return value;
    };
    for (std::size_t i = core::elements(parameter.shape); i > 0; --i) {
      values.push_back(static_cast<float>(draw()));
    }
  }
  return values;
}

}  // namespace murmur::gpu
