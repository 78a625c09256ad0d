// Layer: one layer of a network on one backend. Compiled once a backend (gpu/shared/backend.hpp).
//
// Activations are row-major with the batch first. A layer owns no memory but what it fills at
// construction: its parameters are a view into the one flat array, and all else is the network's
// (gpu/shared/network.hpp), who plans it once. So a step allocates nothing.
//
// Thread rule: the Context's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gpu/network_plan.hpp"
#include "gpu/shared/backend.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

struct Forward {
  std::size_t rows;  ///< samples
  const float* parameters;
  const float* input;
  float* output;
  float* saved;
  float* scratch;
  bool training;
  /// Training: of this batch, for what a layer draws; in the backend's memory.
  const std::uint64_t* draw;
};

struct Backward {
  std::size_t rows;
  const float* parameters;
  const float* input;      ///< where Needs::input, else undefined
  const float* output;     ///< where Needs::output, else undefined
  float* output_gradient;  ///< of the loss, by the output; may be written over
  float* input_gradient;   ///< to be written; null: nobody asks for it
  float* gradient;         ///< the parameters'; the layer's own part of it is to be written
  const float* saved;
  float* scratch;
  const std::uint64_t* draw;  ///< as forward() had it
};

class Layer {
 public:
  virtual ~Layer() = default;
  [[nodiscard]] virtual Needs needs() const = 0;
  virtual void forward(Context& context, const Forward& pass) = 0;
  /// After forward() of the same rows.
  virtual void backward(Context& context, const Backward& pass) = 0;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
