// What PyTorch 1.13 gave for the same steps, as same_as_pytorch.py stored it.
#include <cmath>
#include <fstream>

#include "tests/catch.hpp"
#include "tests/presets/steps.hpp"
#include "tests/sanitized.hpp"

namespace murmur::testing {
namespace {

std::string stored_path(std::string preset) {
  for (char& c : preset) c = c == ':' || c == ',' || c == '=' ? '-' : c;
  return std::string(MURMUR_SOURCE_DIR) + "/tests/presets/stored/" + preset + ".txt";
}

TEST_CASE("every preset takes the steps that PyTorch takes") {
  for (const std::string& preset : kPresetsCompared) {
    INFO(preset);
    std::ifstream file(stored_path(preset));
    // A sanitizer looks at the memory that a step uses, which is the same in each.
    constexpr std::size_t kSteps = test::kSanitized ? 4 : kStepsTaken;
    const Taken taken = take_steps(spec_of(preset), kSteps);
    constexpr double kTolerance = 1e-3;
    for (std::size_t i = 0; i < kSteps; ++i) {
      double loss = NAN;
      file >> loss;
      INFO("step " << i);
      CHECK(std::abs(taken.losses[i] - loss) <= kTolerance * std::abs(loss));
    }
    if (test::kSanitized) continue;
    const std::vector<double> own = fingerprint(taken.after);
    std::vector<double> theirs(own.size(), NAN);
    for (double& value : theirs) file >> value;
    for (std::size_t i = 0; i < own.size(); ++i) {
      CHECK(std::abs(own[i] - theirs[i]) <= kTolerance * theirs[0]);
    }
  }
}

}  // namespace
}  // namespace murmur::testing
