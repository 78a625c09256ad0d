#include "sim/probe.hpp"

#include <array>
#include <cmath>

#include "core/rng.hpp"

namespace murmur::sim {

Reading Probe::read(core::Replica& replica) {
  const std::size_t n = replica.schema().parameters();
  if (signs_.size() != n) {
    core::Rng rng(seed_, 0, "probe");
    signs_.resize(n);
    parameters_.resize(n);
    for (float& sign : signs_) sign = rng.below(2) == 0 ? 1.0F : -1.0F;
  }
  replica.read_parameters(parameters_);
  // Several independent sums, in a fixed order, so that they can go in vector registers.
  constexpr std::size_t kLanes = 8;
  std::array<double, kLanes> value{};
  std::array<double, kLanes> magnitude{};
  const std::size_t whole = n - n % kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      value[k] += static_cast<double>(signs_[i + k] * parameters_[i + k]);
      magnitude[k] += static_cast<double>(std::abs(parameters_[i + k]));
    }
  }
  Reading reading;
  for (std::size_t i = whole; i < n; ++i) {
    reading.value += static_cast<double>(signs_[i] * parameters_[i]);
    reading.magnitude += static_cast<double>(std::abs(parameters_[i]));
  }
  for (std::size_t k = 0; k < kLanes; ++k) {
    reading.value += value[k];
    reading.magnitude += magnitude[k];
  }
  return reading;
}

}  // namespace murmur::sim
