// For same_as_pytorch.py.
//   preset_steps                the presets, a line each
//   preset_steps PRESET FILE    takes the steps; the model goes to FILE.toml, to FILE the features,
//                               the labels or targets, and the parameters before and after, and
//                               what the steps were to standard output as JSON
#include <fmt/format.h>

#include <fstream>

#include "core/model_toml.hpp"
#include "tests/presets/steps.hpp"

namespace {

template <class T>
void write(std::ofstream& file, const std::vector<T>& values) {
  file.write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(T)));
}

}  // namespace

int main(int argc, char** argv) {
  using namespace murmur;
  if (argc != 3) {
    fmt::print("{}\n", fmt::join(testing::kPresetsCompared, "\n"));
    return 0;
  }
  const gpu::ReplicaSpec spec = testing::spec_of(argv[1]);
  const testing::Taken taken = testing::take_steps(spec);
  std::ofstream(std::string(argv[2]) + ".toml") << core::to_toml(spec.model);
  std::ofstream file(argv[2], std::ios::binary);
  write(file, spec.train->floats);
  write(file, spec.train->labels);
  write(file, spec.train->targets);
  write(file, taken.before);
  write(file, taken.after);
  std::string order;
  for (std::size_t i = 0; i < testing::kStepsTaken; ++i) {
    order +=
        fmt::format("{}[{}]", i == 0 ? "" : ",", fmt::join(testing::rows_of_step(spec, i), ","));
  }
  fmt::print(R"({{"rows":{},"adamw":{},"rate":{},"decay":{},"order":[{}],"losses":[{}]}})",
             spec.train->rows, spec.optimizer.kind == gpu::OptimizerKind::kAdamW,
             spec.optimizer.learning_rate, spec.optimizer.weight_decay, order,
             fmt::join(taken.losses, ","));
}
