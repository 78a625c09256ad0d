// A bias added to the columns of a matrix, and its gradient. Compiled once a backend
// (gpu/shared/backend.hpp).
#pragma once

#include <algorithm>
#include <cstddef>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/cells.hpp"
#include "gpu/shared/layers/relu.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

struct AddBias {
  float* z;
  const float* bias;
  std::size_t width;
  MURMUR_HD void operator()(std::size_t row, std::size_t column) const {
    z[row * width + column] += bias[column];
  }
};

struct AddBiasRelu {
  float* z;
  const float* bias;
  std::size_t width;
  MURMUR_HD void operator()(std::size_t row, std::size_t column) const {
    float& value = z[row * width + column];
    value = relu(value + bias[column]);
  }
};

/// z (rows x width) += bias, and ReLU where asked for.
inline void add_bias(Context& context, float* z, const float* bias, std::size_t rows,
                     std::size_t width, bool and_relu) {
  if (and_relu) {
    for_each_cell(context, rows, width, AddBiasRelu{z, bias, width});
  } else {
    for_each_cell(context, rows, width, AddBias{z, bias, width});
  }
}

/// The sums of `kTogether` neighbouring columns: sixteen partial sums each, in an order that the
/// width of no vector unit changes.
template <std::size_t kTogether>
struct SumColumns {
  const float* from;
  std::size_t rows;
  std::size_t width;
  float* out;
  MURMUR_HD void operator()(std::size_t block) const {
    constexpr std::size_t kLanes = 16;
    const std::size_t first = block * kTogether;
    const std::size_t columns = first + kTogether <= width ? kTogether : width - first;
    float lanes[kLanes][kTogether] = {};
    if (columns == kTogether) {
      for (std::size_t i = 0; i < rows; ++i) {
        const float* const row = from + i * width + first;
        for (std::size_t c = 0; c < kTogether; ++c) lanes[i % kLanes][c] += row[c];
      }
    } else {
      for (std::size_t i = 0; i < rows; ++i) {
        const float* const row = from + i * width + first;
        for (std::size_t c = 0; c < columns; ++c) lanes[i % kLanes][c] += row[c];
      }
    }
    for (std::size_t step = kLanes / 2; step > 0; step /= 2) {
      for (std::size_t lane = 0; lane < step; ++lane) {
        for (std::size_t c = 0; c < kTogether; ++c) lanes[lane][c] += lanes[lane + step][c];
      }
    }
    for (std::size_t c = 0; c < columns; ++c) out[first + c] = lanes[0][c];
  }
};

/// out (width) = the sums of the columns of `from` (rows x width).
inline void sum_columns(Context& context, const float* from, std::size_t rows, std::size_t width,
                        float* out) {
  for_each_run(context, (width + kColumnsTogether - 1) / kColumnsTogether, rows * kColumnsTogether,
               SumColumns<kColumnsTogether>{from, rows, width, out});
}

}  // namespace murmur::gpu::MURMUR_BACKEND
