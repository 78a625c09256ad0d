// Max and average pooling of images, and the mean of whole channels. Compiled once a backend
// (gpu/shared/backend.hpp).
#pragma once

#include <algorithm>
#include <cstddef>

#include "gpu/image.hpp"
#include "gpu/shared/backend.hpp"
#include "gpu/shared/cells.hpp"
#include "gpu/shared/layer.hpp"
#include "gpu/shared/sums.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// Of the window whose corner is at `from`, the place of its greatest number: the first of several,
/// or the last NaN, as in PyTorch.
MURMUR_HD std::size_t greatest(const float* from, const Windows& w) {
  std::size_t best = 0;
  for (std::size_t y = 0; y < w.kernel; ++y) {
    for (std::size_t x = 0; x < w.kernel; ++x) {
      const std::size_t at = y * w.columns + x;
      if (from[at] > from[best] || from[at] != from[at]) best = at;
    }
  }
  return best;
}

/// Called for each row of the output (of all channels and samples) and each of its columns.
struct MaxOfWindow {
  Windows w;
  const float* in;
  float* out;
  MURMUR_HD void operator()(std::size_t row, std::size_t x) const {
    const std::size_t plane = row / w.out_rows;
    const std::size_t y = row % w.out_rows;
    const float* from = in + (plane * w.rows + y * w.stride) * w.columns + x * w.stride;
    out[row * w.out_columns + x] = from[greatest(from, w)];
  }
};

struct MeanOfWindow {
  Windows w;
  const float* in;
  float* out;
  MURMUR_HD void operator()(std::size_t row, std::size_t x) const {
    const std::size_t plane = row / w.out_rows;
    const std::size_t y = row % w.out_rows;
    const float* from = in + (plane * w.rows + y * w.stride) * w.columns + x * w.stride;
    float sum = 0.0F;
    for (std::size_t ky = 0; ky < w.kernel; ++ky) {
      for (std::size_t kx = 0; kx < w.kernel; ++kx) sum += from[ky * w.columns + kx];
    }
    out[row * w.out_columns + x] = sum / static_cast<float>(w.kernel * w.kernel);
  }
};

/// The gradient by a pixel: of all windows that it lies in. Called for each row and column of the
/// image.
template <bool kMax>
struct PoolGradient {
  Windows w;
  const float* in;
  const float* above;
  float* below;
  MURMUR_HD void operator()(std::size_t row, std::size_t x) const {
    const std::size_t plane = row / w.rows;
    const std::size_t y = row % w.rows;
    const float* const image = in + plane * w.pixels();
    const float* const gradient = above + plane * w.out_pixels();
    const std::size_t y_begin = y < w.kernel ? 0 : (y - w.kernel) / w.stride + 1;
    const std::size_t x_begin = x < w.kernel ? 0 : (x - w.kernel) / w.stride + 1;
    float sum = 0.0F;
    for (std::size_t oy = y_begin; oy < w.out_rows && oy * w.stride <= y; ++oy) {
      for (std::size_t ox = x_begin; ox < w.out_columns && ox * w.stride <= x; ++ox) {
        const float here = gradient[oy * w.out_columns + ox];
        if constexpr (kMax) {
          const std::size_t corner = oy * w.stride * w.columns + ox * w.stride;
          if (corner + greatest(image + corner, w) == y * w.columns + x) sum += here;
        } else {
          sum += here / static_cast<float>(w.kernel * w.kernel);
        }
      }
    }
    below[row * w.columns + x] = sum;
  }
};

/// The windows of 2 x 2 side by side, of even images: what most networks have.
struct MaxOfFour {
  Windows w;
  const float* in;
  float* out;
  MURMUR_HD void operator()(std::size_t row, std::size_t x) const {
    const float* const top = in + 2 * row * w.columns + 2 * x;
    const float* const low = top + w.columns;
    const float a = top[1] > top[0] || top[1] != top[1] ? top[1] : top[0];
    const float b = low[1] > low[0] || low[1] != low[1] ? low[1] : low[0];
    out[row * w.out_columns + x] = b > a || b != b ? b : a;
  }
};
/// Called for each row of the output; choices of values alone, as branches would be foretold badly.
/// (Where there is a NaN the loss is one, and the gradient may go anywhere.)
struct MaxOfFourGradient {
  Windows w;
  const float* in;
  const float* above;
  float* below;
  MURMUR_HD void operator()(std::size_t row) const {
    const float* __restrict const top = in + 2 * row * w.columns;
    const float* __restrict const low = top + w.columns;
    const float* __restrict const from = above + row * w.out_columns;
    float* __restrict const to_top = below + 2 * row * w.columns;
    float* __restrict const to_low = to_top + w.columns;
    const std::size_t columns = w.out_columns;
    for (std::size_t x = 0; x < columns; ++x) {
      const float t0 = top[2 * x];
      const float t1 = top[2 * x + 1];
      const float l0 = low[2 * x];
      const float l1 = low[2 * x + 1];
      const float a = t1 > t0 ? t1 : t0;
      const float b = l1 > l0 ? l1 : l0;
      const float of_a = b > a ? 0.0F : from[x];
      const float of_b = b > a ? from[x] : 0.0F;
      to_top[2 * x] = t1 > t0 ? 0.0F : of_a;
      to_top[2 * x + 1] = t1 > t0 ? of_a : 0.0F;
      to_low[2 * x] = l1 > l0 ? 0.0F : of_b;
      to_low[2 * x + 1] = l1 > l0 ? of_b : 0.0F;
    }
  }
};

template <bool kMax>
class Pool2d final : public Layer {
 public:
  explicit Pool2d(const Windows& w)
      : w_(w),
        four_(kMax && w.kernel == 2 && w.stride == 2 && w.rows % 2 == 0 && w.columns % 2 == 0) {}

  [[nodiscard]] Needs needs() const override { return {.input = kMax}; }

  void forward(Context& context, const Forward& pass) override {
    const std::size_t rows = pass.rows * w_.outputs * w_.out_rows;
    if (four_) {
      for_each_cell(context, rows, w_.out_columns, MaxOfFour{w_, pass.input, pass.output});
    } else if constexpr (kMax) {
      for_each_cell(context, rows, w_.out_columns, MaxOfWindow{w_, pass.input, pass.output});
    } else {
      for_each_cell(context, rows, w_.out_columns, MeanOfWindow{w_, pass.input, pass.output});
    }
  }

  void backward(Context& context, const Backward& pass) override {
    if (pass.input_gradient == nullptr) return;
    if (four_) {
      for_each_run(context, pass.rows * w_.outputs * w_.out_rows, 4 * w_.out_columns,
                   MaxOfFourGradient{w_, pass.input, pass.output_gradient, pass.input_gradient});
    } else {
      for_each_cell(context, pass.rows * w_.channels * w_.rows, w_.columns,
                    PoolGradient<kMax>{w_, pass.input, pass.output_gradient, pass.input_gradient});
    }
  }

 private:
  Windows w_;
  bool four_;
};

struct MeanOfPlane {
  std::size_t pixels;
  const float* in;
  float* out;
  MURMUR_HD void operator()(std::size_t plane) const {
    const float* const from = in + plane * pixels;
    out[plane] =
        lane_sum(pixels, [from](std::size_t i) { return from[i]; }) / static_cast<float>(pixels);
  }
};
struct SpreadMean {
  std::size_t pixels;
  const float* above;
  float* below;
  MURMUR_HD void operator()(std::size_t plane, std::size_t pixel) const {
    below[plane * pixels + pixel] = above[plane] / static_cast<float>(pixels);
  }
};

class GlobalAvgPool final : public Layer {
 public:
  GlobalAvgPool(std::size_t channels, std::size_t pixels) : channels_(channels), pixels_(pixels) {}

  [[nodiscard]] Needs needs() const override { return {}; }
  void forward(Context& context, const Forward& pass) override {
    for_each_run(context, pass.rows * channels_, pixels_,
                 MeanOfPlane{pixels_, pass.input, pass.output});
  }
  void backward(Context& context, const Backward& pass) override {
    if (pass.input_gradient == nullptr) return;
    for_each_cell(context, pass.rows * channels_, pixels_,
                  SpreadMean{pixels_, pass.output_gradient, pass.input_gradient});
  }

 private:
  std::size_t channels_, pixels_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
