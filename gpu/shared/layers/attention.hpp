// Causal self-attention of several heads (Vaswani and others, arXiv 1706.03762): of each position
// with itself and those before it, from its query, key and value, which stand side by side in the
// input. Compiled once a backend (gpu/shared/backend.hpp).
#pragma once

#include <cmath>
#include <cstddef>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/cells.hpp"
#include "gpu/shared/layer.hpp"
#include "gpu/shared/math.hpp"
#include "gpu/shared/sums.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// A row of scores to what it attends to: the softmax of those up to its own position, then zeros.
struct CausalSoftmax {
  std::size_t context;
  float* scores;
  MURMUR_HD void operator()(std::size_t row) const {
    float* const s = scores + row * context;
    const std::size_t count = row % context + 1;
    float most = s[0];
    for (std::size_t i = 1; i < count; ++i) most = s[i] > most ? s[i] : most;
    for (std::size_t i = 0; i < count; ++i) s[i] = fast_exp(s[i] - most);
    const float sum = lane_sum(count, [s](std::size_t i) { return s[i]; });
    const float scale = 1.0F / sum;
    for (std::size_t i = 0; i < count; ++i) s[i] *= scale;
    for (std::size_t i = count; i < context; ++i) s[i] = 0.0F;
  }
};

/// The gradient by a row of scores, in the place of that by the shares.
struct CausalSoftmaxGradient {
  std::size_t context;
  const float* shares;
  float* gradient;
  MURMUR_HD void operator()(std::size_t row) const {
    const float* const p = shares + row * context;
    float* const g = gradient + row * context;
    const std::size_t count = row % context + 1;
    const float mean = lane_sum(count, [p, g](std::size_t i) { return p[i] * g[i]; });
    for (std::size_t i = 0; i < count; ++i) g[i] = p[i] * (g[i] - mean);
    for (std::size_t i = count; i < context; ++i) g[i] = 0.0F;
  }
};

class Attention final : public Layer {
 public:
  /// `width` is that of the output; the input is three times as wide.
  Attention(std::size_t context, std::size_t width, std::size_t heads)
      : context_(context), width_(width), heads_(heads), head_(width / heads) {}

  [[nodiscard]] Needs needs() const override {
    const std::size_t scores = context_ * context_;
    return {.input = true, .saved = heads_ * scores, .row_scratch = scores};
  }

  void forward(Context& context, const Forward& pass) override {
    const std::size_t of_head = pass.rows * context_ * context_;
    for (std::size_t h = 0; h < heads_; ++h) {
      const float* const query = pass.input + h * head_;
      float* const shares = pass.saved + h * of_head;
      gemm(context, scores(pass.rows, scale(), in_row(), in_row()), query, query + width_, shares);
    }
    for_each_run(context, heads_ * pass.rows * context_, context_,
                 CausalSoftmax{context_, pass.saved});
    for (std::size_t h = 0; h < heads_; ++h) {
      gemm(context, mixed(pass.rows, false, 1.0F, in_row(), width_), pass.saved + h * of_head,
           pass.input + 2 * width_ + h * head_, pass.output + h * head_);
    }
  }

  void backward(Context& context, const Backward& pass) override {
    if (pass.input_gradient == nullptr) return;
    const std::size_t of_head = pass.rows * context_ * context_;
    float* const gradient = pass.scratch;  // by a head's shares, then by its scores
    for (std::size_t h = 0; h < heads_; ++h) {
      const float* const query = pass.input + h * head_;
      const float* const above = pass.output_gradient + h * head_;
      const float* const shares = pass.saved + h * of_head;
      float* const below = pass.input_gradient + h * head_;
      gemm(context, mixed(pass.rows, true, 1.0F, width_, in_row()), shares, above,
           below + 2 * width_);
      gemm(context, scores(pass.rows, 1.0F, width_, in_row()), above, query + 2 * width_, gradient);
      for_each_run(context, pass.rows * context_, context_,
                   CausalSoftmaxGradient{context_, shares, gradient});
      gemm(context, mixed(pass.rows, false, scale(), in_row(), in_row()), gradient, query + width_,
           below);
      gemm(context, mixed(pass.rows, true, scale(), in_row(), in_row()), gradient, query,
           below + width_);
    }
  }

 private:
  [[nodiscard]] float scale() const { return 1.0F / std::sqrt(static_cast<float>(head_)); }
  [[nodiscard]] std::size_t in_row() const { return 3 * width_; }

  /// Of every sample: (context x head) times (context x head)', whose rows are so far apart.
  [[nodiscard]] Product scores(std::size_t rows, float alpha, std::size_t a_row,
                               std::size_t b_row) const {
    return {.m = context_,
            .n = context_,
            .k = head_,
            .trans_b = true,
            .alpha = alpha,
            .a_stride = a_row,
            .b_stride = b_row,
            .batch = rows,
            .a_next = context_ * a_row,
            .b_next = context_ * b_row,
            .c_next = context_ * context_};
  }
  /// Of every sample: (context x context), or that transposed, times (context x head).
  [[nodiscard]] Product mixed(std::size_t rows, bool transposed, float alpha, std::size_t b_row,
                              std::size_t c_row) const {
    return {.m = context_,
            .n = head_,
            .k = context_,
            .trans_a = transposed,
            .alpha = alpha,
            .b_stride = b_row,
            .c_stride = c_row,
            .batch = rows,
            .a_next = context_ * context_,
            .b_next = context_ * b_row,
            .c_next = context_ * c_row};
  }

  std::size_t context_, width_, heads_, head_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
