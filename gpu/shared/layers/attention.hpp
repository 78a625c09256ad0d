// Causal self-attention of several heads (Vaswani and others, arXiv 1706.03762): of each position
// with itself and those before it, from its query, key and value, which stand side by side in the
// input. Compiled once a backend (gpu/shared/backend.hpp).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/cells.hpp"
#include "gpu/shared/layer.hpp"
#include "gpu/shared/math.hpp"
#include "gpu/shared/sums.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// Of each sample's `context` rows of scores the `count` from `first` on.
struct ScoreRows {
  std::size_t context;
  std::size_t first;
  std::size_t count;
  [[nodiscard]] MURMUR_HD std::size_t position(std::size_t i) const { return first + i % count; }
  /// Among all rows of all samples.
  [[nodiscard]] MURMUR_HD std::size_t row(std::size_t i) const {
    return i / count * context + position(i);
  }
  /// Scores that were worked out of each.
  [[nodiscard]] MURMUR_HD std::size_t end() const { return first + count; }
};

/// Scores to what is attended to: the softmax of those up to a row's own position, then zeros.
/// Leaves the logarithm of its sum, from which RepeatSoftmax makes it again.
struct CausalSoftmax {
  ScoreRows rows;
  float* scores;
  float* sums;
  MURMUR_HD void operator()(std::size_t i) const {
    const std::size_t row = rows.row(i);
    float* const s = scores + row * rows.context;
    const std::size_t count = rows.position(i) + 1;
    float most = s[0];
    for (std::size_t k = 1; k < count; ++k) most = s[k] > most ? s[k] : most;
    for (std::size_t k = 0; k < count; ++k) s[k] = fast_exp(s[k] - most);
    const float sum = lane_sum(count, [s](std::size_t k) { return s[k]; });
    const float scale = 1.0F / sum;
    for (std::size_t k = 0; k < count; ++k) s[k] *= scale;
    for (std::size_t k = count; k < rows.end(); ++k) s[k] = 0.0F;
    sums[row] = most + logf(sum);
  }
};

struct RepeatSoftmax {
  ScoreRows rows;
  float* scores;
  const float* sums;
  MURMUR_HD void operator()(std::size_t i) const {
    const std::size_t row = rows.row(i);
    float* const s = scores + row * rows.context;
    const std::size_t count = rows.position(i) + 1;
    const float sum = sums[row];
    for (std::size_t k = 0; k < count; ++k) s[k] = fast_exp(s[k] - sum);
    for (std::size_t k = count; k < rows.end(); ++k) s[k] = 0.0F;
  }
};

/// The gradient by a row of scores, in the place of that by the shares.
struct CausalSoftmaxGradient {
  ScoreRows rows;
  const float* shares;
  float* gradient;
  MURMUR_HD void operator()(std::size_t i) const {
    const std::size_t at = rows.row(i) * rows.context;
    const float* const p = shares + at;
    float* const g = gradient + at;
    const std::size_t count = rows.position(i) + 1;
    const float mean = lane_sum(count, [p, g](std::size_t k) { return p[k] * g[k]; });
    for (std::size_t k = 0; k < count; ++k) g[k] = p[k] * (g[k] - mean);
    for (std::size_t k = count; k < rows.end(); ++k) g[k] = 0.0F;
  }
};

/// The shares are not kept for the backward pass, which makes them again: they are the largest
/// part of a small GPT's activations, and a score costs few multiplications. They are looked at a
/// few samples at a time, and half of the positions, as the first half attends to itself alone.
class Attention final : public Layer {
 public:
  /// `width` is that of the output; the input is three times as wide.
  Attention(std::size_t context, std::size_t width, std::size_t heads)
      : context_(context),
        width_(width),
        heads_(heads),
        head_(width / heads),
        half_(context < kHalvedMin ? context : (context + 1) / 2) {}

  [[nodiscard]] Needs needs() const override {
    return {.input = true,
            .saved = heads_ * context_,
            .row_scratch = 2 * context_ * context_,
            .rows_together = kSamplesTogether};
  }

  void forward(Context& context, const Forward& pass) override {
    for_each_part(pass.rows, [&](std::size_t first, std::size_t samples, std::size_t head) {
      const float* const query = pass.input + first * context_ * in_row() + head * head_;
      float* const sums = pass.saved + (head * pass.rows + first) * context_;
      float* const out = pass.output + first * context_ * width_ + head * head_;
      float* const shares = pass.scratch;
      for_each_half([&](std::size_t begin, std::size_t end) {
        gemm(context, scores(samples, begin, end, scale(), in_row(), in_row()),
             query + begin * in_row(), query + width_, shares + begin * context_);
        const ScoreRows rows{context_, begin, end - begin};
        for_each_run(context, samples * rows.count, end, CausalSoftmax{rows, shares, sums});
        gemm(context, mixed(samples, begin, end, 1.0F, in_row(), width_), shares + begin * context_,
             query + 2 * width_, out + begin * width_);
      });
    });
  }

  void backward(Context& context, const Backward& pass) override {
    if (pass.input_gradient == nullptr) return;
    for_each_part(pass.rows, [&](std::size_t first, std::size_t samples, std::size_t head) {
      const float* const query = pass.input + first * context_ * in_row() + head * head_;
      const float* const sums = pass.saved + (head * pass.rows + first) * context_;
      const float* const above = pass.output_gradient + first * context_ * width_ + head * head_;
      float* const below = pass.input_gradient + first * context_ * in_row() + head * head_;
      float* const shares = pass.scratch;
      float* const gradient = shares + samples * context_ * context_;  // by shares, then by scores
      for_each_half([&](std::size_t begin, std::size_t end) {
        const std::size_t at = begin * context_;
        gemm(context, scores(samples, begin, end, scale(), in_row(), in_row()),
             query + begin * in_row(), query + width_, shares + at);
        gemm(context, scores(samples, begin, end, 1.0F, width_, in_row()), above + begin * width_,
             query + 2 * width_, gradient + at);
        const ScoreRows rows{context_, begin, end - begin};
        for_each_run(context, samples * rows.count, end, RepeatSoftmax{rows, shares, sums});
        for_each_run(context, samples * rows.count, end,
                     CausalSoftmaxGradient{rows, shares, gradient});
        gemm(context, mixed(samples, begin, end, scale(), in_row(), in_row()), gradient + at,
             query + width_, below + begin * in_row());
      });
      for_each_half([&](std::size_t begin, std::size_t end) {
        const std::size_t at = begin * context_ + begin;
        gemm(context, gathered(samples, begin, end, 1.0F, width_), shares + at,
             above + begin * width_, below + 2 * width_ + begin * in_row());
        gemm(context, gathered(samples, begin, end, scale(), in_row()), gradient + at,
             query + begin * in_row(), below + width_ + begin * in_row());
      });
    });
  }

 private:
  [[nodiscard]] float scale() const { return 1.0F / std::sqrt(static_cast<float>(head_)); }
  [[nodiscard]] std::size_t in_row() const { return 3 * width_; }

  /// Calls part(first sample, how many, head).
  template <class Part>
  void for_each_part(std::size_t rows, const Part& part) const {
    for (std::size_t first = 0; first < rows; first += kSamplesTogether) {
      const std::size_t samples = std::min(kSamplesTogether, rows - first);
      for (std::size_t head = 0; head < heads_; ++head) part(first, samples, head);
    }
  }
  /// Calls part(first position, one past the last).
  template <class Part>
  void for_each_half(const Part& part) const {
    for (std::size_t begin = 0; begin < context_; begin += half_) {
      part(begin, std::min(context_, begin + half_));
    }
  }

  /// Of every sample: positions begin..end, times all before the end; rows of both so far apart.
  [[nodiscard]] Product scores(std::size_t samples, std::size_t begin, std::size_t end, float alpha,
                               std::size_t a_row, std::size_t b_row) const {
    return {.m = end - begin,
            .n = end,
            .k = head_,
            .trans_b = true,
            .alpha = alpha,
            .a_stride = a_row,
            .b_stride = b_row,
            .c_stride = context_,
            .batch = samples,
            .a_next = context_ * a_row,
            .b_next = context_ * b_row,
            .c_next = context_ * context_};
  }
  /// Of every sample: the shares of positions begin..end, times what lies before the end.
  [[nodiscard]] Product mixed(std::size_t samples, std::size_t begin, std::size_t end, float alpha,
                              std::size_t b_row, std::size_t c_row) const {
    return {.m = end - begin,
            .n = head_,
            .k = end,
            .alpha = alpha,
            .a_stride = context_,
            .b_stride = b_row,
            .c_stride = c_row,
            .batch = samples,
            .a_next = context_ * context_,
            .b_next = context_ * b_row,
            .c_next = context_ * c_row};
  }
  /// Of every sample: what attends to positions begin..end, all from the beginning on, to them.
  [[nodiscard]] Product gathered(std::size_t samples, std::size_t begin, std::size_t end,
                                 float alpha, std::size_t b_row) const {
    return {.m = end - begin,
            .n = head_,
            .k = context_ - begin,
            .trans_a = true,
            .alpha = alpha,
            .a_stride = context_,
            .b_stride = b_row,
            .c_stride = in_row(),
            .batch = samples,
            .a_next = context_ * context_,
            .b_next = context_ * b_row,
            .c_next = context_ * in_row()};
  }

  /// Below it half of the positions are too few for a product.
  static constexpr std::size_t kHalvedMin = 64;

  std::size_t context_, width_, heads_, head_;
  std::size_t half_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
