// LayerNorm (Ba, Kiros, Hinton, arXiv 1607.06450) over the last dimension. Compiled once a backend
// (gpu/shared/backend.hpp).
#pragma once

#include <cstddef>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/cells.hpp"
#include "gpu/shared/layer.hpp"
#include "gpu/shared/layers/norm.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

struct NormaliseRow {
  std::size_t width;
  const float* in;
  const float* weight;
  const float* bias;
  float* out;
  RunStatistics* saved;
  MURMUR_HD void operator()(std::size_t row) const {
    const float* const from = in + row * width;
    float* const to = out + row * width;
    const RunStatistics s = statistics_of(from, width);
    saved[row] = s;
    for (std::size_t i = 0; i < width; ++i) {
      to[i] = (from[i] - s.mean) * s.scale * weight[i] + bias[i];
    }
  }
};

struct LayerNormGradient {
  std::size_t width;
  const float* in;
  const float* above;
  const float* weight;
  const RunStatistics* saved;
  float* below;
  MURMUR_HD void operator()(std::size_t row) const {
    const float* const x = in + row * width;
    const float* const g = above + row * width;
    const float* const w = weight;
    const RunStatistics s = saved[row];
    const auto count = static_cast<float>(width);
    const float mean = lane_sum(width, [g, w](std::size_t i) { return g[i] * w[i]; }) / count;
    const float slope =
        lane_sum(width, [g, w, x,
                         s](std::size_t i) { return g[i] * w[i] * ((x[i] - s.mean) * s.scale); }) /
        count;
    float* const to = below + row * width;
    for (std::size_t i = 0; i < width; ++i) {
      to[i] = s.scale * (g[i] * w[i] - mean - (x[i] - s.mean) * s.scale * slope);
    }
  }
};

/// The gradients of weight and bias: over the rows, of `kTogether` neighbouring columns.
template <std::size_t kTogether>
struct LayerNormColumns {
  std::size_t rows;
  std::size_t width;
  const float* in;
  const float* above;
  const RunStatistics* saved;
  float* weight;
  float* bias;
  MURMUR_HD void operator()(std::size_t block) const {
    const std::size_t first = block * kTogether;
    const std::size_t columns = first + kTogether <= width ? kTogether : width - first;
    float scaled[kTogether] = {};
    float plain[kTogether] = {};
    for (std::size_t row = 0; row < rows; ++row) {
      const float* const x = in + row * width + first;
      const float* const g = above + row * width + first;
      const RunStatistics s = saved[row];
      for (std::size_t c = 0; c < columns; ++c) {
        scaled[c] += g[c] * ((x[c] - s.mean) * s.scale);
        plain[c] += g[c];
      }
    }
    for (std::size_t c = 0; c < columns; ++c) {
      weight[first + c] = scaled[c];
      bias[first + c] = plain[c];
    }
  }
};

class LayerNorm final : public Layer {
 public:
  /// Of `runs` runs of `width` numbers in a sample. `weight`, `bias`: where they begin in the flat
  /// array.
  LayerNorm(std::size_t runs, std::size_t width, std::size_t weight, std::size_t bias)
      : runs_(runs), width_(width), weight_(weight), bias_(bias) {}

  [[nodiscard]] Needs needs() const override { return {.input = true, .saved = 2 * runs_}; }

  void forward(Context& context, const Forward& pass) override {
    for_each_run(
        context, pass.rows * runs_, width_,
        NormaliseRow{width_, pass.input, pass.parameters + weight_, pass.parameters + bias_,
                     pass.output, reinterpret_cast<RunStatistics*>(pass.saved)});
  }

  void backward(Context& context, const Backward& pass) override {
    const auto* const saved = reinterpret_cast<const RunStatistics*>(pass.saved);
    for_each_run(context, (width_ + kColumnsTogether - 1) / kColumnsTogether,
                 pass.rows * runs_ * kColumnsTogether,
                 LayerNormColumns<kColumnsTogether>{
                     pass.rows * runs_, width_, pass.input, pass.output_gradient, saved,
                     pass.gradient + weight_, pass.gradient + bias_});
    if (pass.input_gradient == nullptr) return;
    for_each_run(context, pass.rows * runs_, width_,
                 LayerNormGradient{width_, pass.input, pass.output_gradient,
                                   pass.parameters + weight_, saved, pass.input_gradient});
  }

 private:
  std::size_t runs_, width_;
  std::size_t weight_, bias_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
