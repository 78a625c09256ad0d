// Convolution of images with a weight [out, in, kernel, kernel] and maybe a bias. Compiled once a
// backend (gpu/shared/backend.hpp).
#pragma once

#include <cstddef>
#include <optional>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/convolution.hpp"
#include "gpu/shared/layer.hpp"
#include "gpu/shared/layers/relu.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

class Conv2d final : public Layer {
 public:
  /// `weight`, `bias`: where they begin in the flat array. `and_relu`: its output goes through one.
  Conv2d(const Windows& windows, std::size_t weight, std::optional<std::size_t> bias, bool and_relu)
      : convolution_(windows),
        out_(windows.out_size()),
        weight_(weight),
        bias_(bias),
        relu_(and_relu) {}

  [[nodiscard]] Needs needs() const override {
    return {.input = true,
            .output = relu_,
            .scratch = convolution_.scratch(),
            .row_scratch = convolution_.row_scratch()};
  }

  void forward(Context& context, const Forward& pass) override {
    convolution_.forward(context, pass.rows, pass.input, pass.parameters + weight_,
                         bias_ ? pass.parameters + *bias_ : nullptr, relu_, pass.output,
                         pass.scratch);
  }

  void backward(Context& context, const Backward& pass) override {
    float* const dz = pass.output_gradient;
    if (relu_) for_each_index(context, pass.rows * out_, MaskRelu{pass.output, dz, dz});
    convolution_.backward(context, pass.rows, pass.input, pass.parameters + weight_, dz,
                          pass.gradient + weight_, bias_ ? pass.gradient + *bias_ : nullptr,
                          pass.input_gradient, pass.scratch);
  }

 private:
  Convolution convolution_;
  std::size_t out_;
  std::size_t weight_;
  std::optional<std::size_t> bias_;
  bool relu_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
