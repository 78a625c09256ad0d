// GELU: x times the normal distribution's share below x, by the error function, as PyTorch's
// nn.GELU does by default. Compiled once a backend (gpu/shared/backend.hpp).
#pragma once

#include <cstddef>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/layer.hpp"
#include "gpu/shared/math.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

MURMUR_HD float share_below(float x) {
  constexpr float kRootHalf = 0.707106781F;
  return 0.5F * (1.0F + fast_erf(x * kRootHalf));
}

struct GeluElement {
  const float* in;
  float* out;
  MURMUR_HD void operator()(std::size_t i) const { out[i] = in[i] * share_below(in[i]); }
};

struct GeluGradient {
  const float* in;
  const float* above;
  float* below;
  MURMUR_HD void operator()(std::size_t i) const {
    constexpr float kPeak = 0.398942280F;  // of the normal density
    const float x = in[i];
    const float density = kPeak * fast_exp(-0.5F * x * x);
    below[i] = above[i] * (share_below(x) + x * density);
  }
};

class Gelu final : public Layer {
 public:
  explicit Gelu(std::size_t width) : width_(width) {}

  [[nodiscard]] Needs needs() const override { return {.input = true}; }
  void forward(Context& context, const Forward& pass) override {
    for_each_index(context, pass.rows * width_, GeluElement{pass.input, pass.output});
  }
  void backward(Context& context, const Backward& pass) override {
    if (pass.input_gradient == nullptr) return;
    for_each_index(context, pass.rows * width_,
                   GeluGradient{pass.input, pass.output_gradient, pass.input_gradient});
  }

 private:
  std::size_t width_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
