// Dropout. Which numbers are dropped is a hash of the batch's draw, the layer and the place, so the
// backward pass works it out again. Compiled once a backend (gpu/shared/backend.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/codec_math.hpp"
#include "gpu/shared/layer.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

struct DropElement {
  const float* in;
  float* out;
  Argument<std::uint64_t> draw;
  std::uint64_t place;
  std::uint32_t least;  ///< a hash below it drops
  float scale;
  MURMUR_HD void operator()(std::size_t i) const {
    const codec::RoundingKey key = codec::rounding_key(*draw + place);
    const std::uint32_t hash = codec::rounding_hash(key, static_cast<std::uint32_t>(i));
    out[i] = hash < least ? 0.0F : scale * in[i];
  }
};

class Dropout final : public Layer {
 public:
  /// `place`: the layer's in the model, so that no two of them drop alike.
  Dropout(std::size_t width, double rate, std::uint64_t place)
      : width_(width),
        place_(place),
        least_(static_cast<std::uint32_t>(rate * 0x1p32)),
        scale_(static_cast<float>(1 / (1 - rate))) {}

  [[nodiscard]] Needs needs() const override { return {.in_place = true}; }
  void forward(Context& context, const Forward& pass) override {
    if (pass.training) {
      drop(context, pass.rows, pass.draw, pass.input, pass.output);
    } else if (pass.input != pass.output) {
      copy(context, pass.output, pass.input, pass.rows * width_);
    }
  }
  void backward(Context& context, const Backward& pass) override {
    if (pass.input_gradient == nullptr) return;
    drop(context, pass.rows, pass.draw, pass.output_gradient, pass.input_gradient);
  }

 private:
  void drop(Context& context, std::size_t rows, const std::uint64_t* draw, const float* in,
            float* out) {
    for_each_index(context, rows * width_,
                   DropElement{in, out, Argument(draw), place_, least_, scale_});
  }

  std::size_t width_;
  std::uint64_t place_;
  std::uint32_t least_;
  float scale_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
