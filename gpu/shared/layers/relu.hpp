// ReLU, alone. (One that follows a layer which can apply it is a part of that layer.) Compiled once
// a backend (gpu/shared/backend.hpp).
#pragma once

#include <cstddef>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/layer.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// A NaN stays one, so that it reaches the loss.
MURMUR_HD float relu(float value) { return value < 0.0F ? 0.0F : value; }

struct ReluElement {
  const float* in;
  float* out;
  MURMUR_HD void operator()(std::size_t i) const { out[i] = relu(in[i]); }
};

/// The gradient through a ReLU, whose output was `activation`.
struct MaskRelu {
  const float* activation;
  const float* above;
  float* below;
  MURMUR_HD void operator()(std::size_t i) const {
    below[i] = activation[i] > 0.0F ? above[i] : 0.0F;
  }
};

class Relu final : public Layer {
 public:
  explicit Relu(std::size_t width) : width_(width) {}

  [[nodiscard]] Needs needs() const override { return {.output = true, .in_place = true}; }
  void forward(Context& context, const Forward& pass) override {
    for_each_index(context, pass.rows * width_, ReluElement{pass.input, pass.output});
  }
  void backward(Context& context, const Backward& pass) override {
    if (pass.input_gradient == nullptr) return;
    for_each_index(context, pass.rows * width_,
                   MaskRelu{pass.output, pass.output_gradient, pass.input_gradient});
  }

 private:
  std::size_t width_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
