// Tokens as vectors, each plus a vector of its position. Compiled once a backend
// (gpu/shared/backend.hpp).
#pragma once

#include <cstddef>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/cells.hpp"
#include "gpu/shared/layer.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// Called for each position of each sample, and each number of its vector.
struct EmbedToken {
  std::size_t context, width;
  const float* tokens;  ///< whole numbers, below the vocabulary's size
  const float* token_weight;
  const float* position_weight;
  float* out;
  MURMUR_HD void operator()(std::size_t row, std::size_t i) const {
    const auto token = static_cast<std::size_t>(tokens[row]);
    out[row * width + i] =
        token_weight[token * width + i] + position_weight[row % context * width + i];
  }
};

/// The gradients of both weights, of `kTogether` neighbouring columns: each column is one index's,
/// who adds up its rows in order.
template <std::size_t kTogether>
struct EmbeddingGradient {
  std::size_t rows, context, vocabulary, width;
  const float* tokens;
  const float* above;
  float* token_weight;
  float* position_weight;
  MURMUR_HD void operator()(std::size_t block) const {
    const std::size_t first = block * kTogether;
    const std::size_t columns = first + kTogether <= width ? kTogether : width - first;
    for (std::size_t v = 0; v < vocabulary; ++v) {
      for (std::size_t c = 0; c < columns; ++c) token_weight[v * width + first + c] = 0.0F;
    }
    for (std::size_t t = 0; t < context; ++t) {
      for (std::size_t c = 0; c < columns; ++c) position_weight[t * width + first + c] = 0.0F;
    }
    for (std::size_t row = 0; row < rows; ++row) {
      const float* const from = above + row * width + first;
      const auto token = static_cast<std::size_t>(tokens[row]);
      float* const of_token = token_weight + token * width + first;
      float* const of_position = position_weight + row % context * width + first;
      for (std::size_t c = 0; c < columns; ++c) {
        of_token[c] += from[c];
        of_position[c] += from[c];
      }
    }
  }
};

class Embedding final : public Layer {
 public:
  /// `token`, `position`: where the weights begin in the flat array.
  Embedding(std::size_t vocabulary, std::size_t context, std::size_t width, std::size_t token,
            std::size_t position)
      : vocabulary_(vocabulary),
        context_(context),
        width_(width),
        token_(token),
        position_(position) {}

  [[nodiscard]] Needs needs() const override { return {.input = true}; }
  void forward(Context& context, const Forward& pass) override {
    for_each_cell(context, pass.rows * context_, width_,
                  EmbedToken{context_, width_, pass.input, pass.parameters + token_,
                             pass.parameters + position_, pass.output});
  }
  void backward(Context& context, const Backward& pass) override {
    for_each_run(context, (width_ + kColumnsTogether - 1) / kColumnsTogether,
                 pass.rows * context_ * kColumnsTogether,
                 EmbeddingGradient<kColumnsTogether>{
                     pass.rows * context_, context_, vocabulary_, width_, pass.input,
                     pass.output_gradient, pass.gradient + token_, pass.gradient + position_});
  }

 private:
  std::size_t vocabulary_, context_, width_;
  std::size_t token_, position_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
