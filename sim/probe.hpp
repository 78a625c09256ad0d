// A replica seen through one number: the sum of its parameters, each with a fixed random sign.
// The machine never sees the signs, so two changes that should cancel do so in the probe only if
// they do in (almost) every parameter, and it costs one pass.
#pragma once

#include <cstdint>
#include <vector>

#include "core/replica.hpp"

namespace murmur::sim {

struct Reading {
  double value = 0;      ///< Σ ±x_i
  double magnitude = 0;  ///< Σ |x_i|; not finite if any x_i is not
};

class Probe {
 public:
  explicit Probe(std::uint64_t seed) : seed_(seed) {}
  /// The same parameters give the same bits. All replicas must have one schema.
  Reading read(core::Replica& replica);

 private:
  std::uint64_t seed_;
  std::vector<float> signs_;
  std::vector<float> parameters_;
};

}  // namespace murmur::sim
