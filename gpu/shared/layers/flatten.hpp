// A row of numbers of whatever shape there was: what lies in memory stays as it is. Compiled once a
// backend (gpu/shared/backend.hpp).
#pragma once

#include <cstddef>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/layer.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

class Flatten final : public Layer {
 public:
  explicit Flatten(std::size_t width) : width_(width) {}

  [[nodiscard]] Needs needs() const override { return {.in_place = true}; }
  void forward(Context& context, const Forward& pass) override {
    if (pass.output != pass.input) copy(context, pass.output, pass.input, pass.rows * width_);
  }
  void backward(Context& context, const Backward& pass) override {
    if (pass.input_gradient == nullptr || pass.input_gradient == pass.output_gradient) return;
    copy(context, pass.input_gradient, pass.output_gradient, pass.rows * width_);
  }

 private:
  std::size_t width_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
