// Fifty steps of a preset, on batches and from parameters that PyTorch is given too.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "gpu/replica_spec.hpp"

namespace murmur::testing {

inline constexpr std::size_t kStepsTaken = 50;

/// The presets that are compared, each of a size that takes a second or two.
inline const std::vector<std::string> kPresetsCompared{"linear",
                                                       "mlp:784-256-128-10",
                                                       "lenet",
                                                       "cnn",
                                                       "resnet20",
                                                       "speech",
                                                       "gpt:layers=2,heads=4,width=64,context=64"};

/// The preset as PyTorch can follow it: what a dropout draws it cannot know, so none drops.
/// Its data are three batches of numbers and labels by chance, its optimizer SGD with momentum, or
/// of a GPT AdamW.
gpu::ReplicaSpec spec_of(const std::string& preset);

/// The rows that a step looks at.
std::vector<std::uint32_t> rows_of_step(const gpu::ReplicaSpec& spec, std::size_t step);

struct Taken {
  std::vector<double> losses;  ///< of each step
  std::vector<float> before;   ///< parameters
  std::vector<float> after;
};
Taken take_steps(const gpu::ReplicaSpec& spec, std::size_t steps = kStepsTaken);

/// A few numbers that tell parameters apart: their norm, and products with fixed waves.
std::vector<double> fingerprint(const std::vector<float>& parameters);

}  // namespace murmur::testing
