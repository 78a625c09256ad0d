// Convolution on CUDA; host/convolution.hpp has the same names. The windows of all images are
// written out as the columns of one matrix, and cuBLAS multiplies.
//
// Thread rule: the Context's. Each number is summed by one thread, in one order.
#pragma once

#include <cstddef>

#include "gpu/cuda/context.hpp"
#include "gpu/image.hpp"

namespace murmur::gpu::cuda {

/// to[k][n][p]: number k of the window at pixel p of image n.
struct WindowsToColumns {
  Windows w;
  std::size_t images;
  const float* from;
  float* to;
  MURMUR_HD void operator()(std::size_t i) const {
    const std::size_t pixel = i % w.out_pixels();
    const std::size_t image = i / w.out_pixels() % images;
    const std::size_t number = i / (w.out_pixels() * images);
    const std::size_t kx = number % w.kernel;
    const std::size_t ky = number / w.kernel % w.kernel;
    const std::size_t channel = number / (w.kernel * w.kernel);
    // Past the upper and left edge these wrap round to what is past the lower and right one.
    const std::size_t y = pixel / w.out_columns * w.stride + ky - w.padding;
    const std::size_t x = pixel % w.out_columns * w.stride + kx - w.padding;
    to[i] = y < w.rows && x < w.columns
                ? from[((image * w.channels + channel) * w.rows + y) * w.columns + x]
                : 0.0F;
  }
};

/// The gradient by a pixel: of all windows that it lies in.
struct ColumnsToImage {
  Windows w;
  std::size_t images;
  const float* from;
  float* to;
  MURMUR_HD void operator()(std::size_t i) const {
    const std::size_t x = i % w.columns + w.padding;
    const std::size_t y = i / w.columns % w.rows + w.padding;
    const std::size_t channel = i / w.pixels() % w.channels;
    const std::size_t image = i / w.in_size();
    float sum = 0.0F;
    for (std::size_t ky = 0; ky < w.kernel && ky <= y; ++ky) {
      if ((y - ky) % w.stride != 0 || (y - ky) / w.stride >= w.out_rows) continue;
      for (std::size_t kx = 0; kx < w.kernel && kx <= x; ++kx) {
        if ((x - kx) % w.stride != 0 || (x - kx) / w.stride >= w.out_columns) continue;
        const std::size_t number = (channel * w.kernel + ky) * w.kernel + kx;
        const std::size_t pixel = (y - ky) / w.stride * w.out_columns + (x - kx) / w.stride;
        sum += from[(number * images + image) * w.out_pixels() + pixel];
      }
    }
    to[i] = sum;
  }
};

/// [o][n][p] as [n][o][p], with what comes after a convolution.
struct ToImages {
  Windows w;
  std::size_t images;
  const float* from;
  const float* bias;
  bool and_relu;
  float* to;
  MURMUR_HD void operator()(std::size_t i) const {
    const std::size_t pixel = i % w.out_pixels();
    const std::size_t output = i / w.out_pixels() % w.outputs;
    const std::size_t image = i / w.out_size();
    const float shift = bias == nullptr ? 0.0F : bias[output];
    const float value = from[(output * images + image) * w.out_pixels() + pixel] + shift;
    to[i] = and_relu && value < 0.0F ? 0.0F : value;
  }
};
struct FromImages {
  Windows w;
  std::size_t images;
  const float* from;
  float* to;
  MURMUR_HD void operator()(std::size_t i) const {
    const std::size_t pixel = i % w.out_pixels();
    const std::size_t image = i / w.out_pixels() % images;
    const std::size_t output = i / (w.out_pixels() * images);
    to[i] = from[(image * w.outputs + output) * w.out_pixels() + pixel];
  }
};

/// Sums of runs of `length` numbers, in steps: to[i] of run i.
struct SumRuns {
  const float* from;
  std::size_t length;
  float* to;
  MURMUR_HD void operator()(std::size_t i) const {
    float sum = 0.0F;
    for (std::size_t j = 0; j < length; ++j) sum += from[i * length + j];
    to[i] = sum;
  }
};

class Convolution {
 public:
  explicit Convolution(const Windows& windows) : w_(windows) {}

  [[nodiscard]] std::size_t scratch() const { return 0; }
  [[nodiscard]] std::size_t row_scratch() const {
    return w_.depth() * w_.out_pixels() + w_.out_size() + w_.outputs;
  }

  void forward(Context& context, std::size_t rows, const float* images, const float* weight,
               const float* bias, bool and_relu, float* out, float* scratch) const {
    const std::size_t columns = rows * w_.out_pixels();
    float* const turned = scratch + w_.depth() * columns;
    for_each_index(context, w_.depth() * columns, WindowsToColumns{w_, rows, images, scratch});
    gemm(context, {.m = w_.outputs, .n = columns, .k = w_.depth()}, weight, scratch, turned);
    for_each_index(context, rows * w_.out_size(), ToImages{w_, rows, turned, bias, and_relu, out});
  }

  void backward(Context& context, std::size_t rows, const float* images, const float* weight,
                const float* above, float* weight_gradient, float* bias_gradient, float* below,
                float* scratch) const {
    const std::size_t columns = rows * w_.out_pixels();
    float* const turned = scratch + w_.depth() * columns;
    for_each_index(context, rows * w_.out_size(), FromImages{w_, rows, above, turned});
    for_each_index(context, w_.depth() * columns, WindowsToColumns{w_, rows, images, scratch});
    gemm(context, {.m = w_.outputs, .n = w_.depth(), .k = columns, .trans_b = true}, turned,
         scratch, weight_gradient);
    if (bias_gradient != nullptr) {
      float* const sums = turned + w_.outputs * columns;
      for_each_index(context, w_.outputs * rows, SumRuns{turned, w_.out_pixels(), sums});
      for_each_index(context, w_.outputs, SumRuns{sums, rows, bias_gradient});
    }
    if (below == nullptr) return;
    gemm(context, {.m = w_.depth(), .n = columns, .k = w_.outputs, .trans_a = true}, weight, turned,
         scratch);
    for_each_index(context, rows * w_.in_size(), ColumnsToImage{w_, rows, scratch, below});
  }

 private:
  Windows w_;
};

}  // namespace murmur::gpu::cuda
