// A weight [out, in] and maybe a bias. Compiled once a backend (gpu/shared/backend.hpp).
#pragma once

#include <cstddef>
#include <optional>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/layer.hpp"
#include "gpu/shared/layers/bias.hpp"
#include "gpu/shared/layers/relu.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

class Linear final : public Layer {
 public:
  /// Of `positions` rows of a sample. `weight`, `bias`: where they begin in the flat array.
  /// `and_relu`: its output goes through one.
  Linear(std::size_t positions, std::size_t in, std::size_t out, std::size_t weight,
         std::optional<std::size_t> bias, bool and_relu)
      : positions_(positions), in_(in), out_(out), weight_(weight), bias_(bias), relu_(and_relu) {}

  [[nodiscard]] Needs needs() const override { return {.input = true, .output = relu_}; }

  void forward(Context& context, const Forward& pass) override {
    const std::size_t rows = pass.rows * positions_;
    gemm(context, {.m = rows, .n = out_, .k = in_, .trans_b = true}, pass.input,
         pass.parameters + weight_, pass.output);
    if (bias_) {
      add_bias(context, pass.output, pass.parameters + *bias_, rows, out_, relu_);
    } else if (relu_) {
      for_each_index(context, rows * out_, ReluElement{pass.output, pass.output});
    }
  }

  void backward(Context& context, const Backward& pass) override {
    const std::size_t rows = pass.rows * positions_;
    float* const dz = pass.output_gradient;
    if (relu_) for_each_index(context, rows * out_, MaskRelu{pass.output, dz, dz});
    if (bias_) sum_columns(context, dz, rows, out_, pass.gradient + *bias_);
    gemm(context, {.m = out_, .n = in_, .k = rows, .trans_a = true}, dz, pass.input,
         pass.gradient + weight_);
    if (pass.input_gradient == nullptr) return;
    gemm(context, {.m = rows, .n = in_, .k = out_}, dz, pass.parameters + weight_,
         pass.input_gradient);
  }

 private:
  std::size_t positions_;
  std::size_t in_, out_;
  std::size_t weight_;
  std::optional<std::size_t> bias_;
  bool relu_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
