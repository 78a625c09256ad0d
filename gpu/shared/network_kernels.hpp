// The element-wise parts of a network: bias and ReLU, their gradients, and the two losses. Compiled
// once a backend (gpu/shared/backend.hpp).
//
// Activations are [features x rows], so that a product with a weight [out, in] reads both as they
// lie. A loss function handles one row (one column of the outputs) a call; it adds the row's loss
// to a slot of its own, so that nothing is summed across threads, and everything is read back once
// a train().
//
// Thread rule: the Context's.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/batch.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

struct AddBias {
  float* z;
  const float* bias;
  std::size_t rows;
  MURMUR_HD void operator()(std::size_t feature, std::size_t row) const {
    z[feature * rows + row] += bias[feature];
  }
};

struct AddBiasRelu {
  float* z;
  const float* bias;
  std::size_t rows;
  MURMUR_HD void operator()(std::size_t feature, std::size_t row) const {
    const std::size_t i = feature * rows + row;
    const float value = z[i] + bias[feature];
    // A NaN stays one, so that it reaches the loss.
    z[i] = value < 0.0F ? 0.0F : value;
  }
};

/// The gradient through a ReLU, whose output was `activation`.
struct MaskRelu {
  float* gradient;
  const float* activation;
  MURMUR_HD void operator()(std::size_t i) const {
    gradient[i] = activation[i] > 0.0F ? gradient[i] : 0.0F;
  }
};

/// The gradient of a bias: the sum of its feature over the rows. Sixteen partial sums, in an order
/// that the width of no vector unit changes.
struct SumRows {
  const float* gradient;
  std::size_t rows;
  float* out;
  MURMUR_HD void operator()(std::size_t feature) const {
    constexpr std::size_t kLanes = 16;
    const float* from = gradient + feature * rows;
    float lanes[kLanes] = {};
    const std::size_t whole = rows / kLanes * kLanes;
    for (std::size_t i = 0; i < whole; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += from[i + lane];
    }
    for (std::size_t i = whole; i < rows; ++i) lanes[i - whole] += from[i];
    for (std::size_t step = kLanes / 2; step > 0; step /= 2) {
      for (std::size_t lane = 0; lane < step; ++lane) lanes[lane] += lanes[lane + step];
    }
    out[feature] = lanes[0];
  }
};

/// What the losses share: the outputs of `rows` samples, and where their losses go.
struct LossFrame {
  float* outputs;  ///< [width x rows]; train: replaced by the loss's gradient
  std::size_t width;
  std::size_t rows;
  const std::uint32_t* sample;  ///< which sample of the data set a row is
  double* loss;                 ///< a slot a row, added to
  double weight;                ///< of a row's loss in its slot
};

/// Softmax and cross-entropy: the mean over the rows of -log p(label).
struct CrossEntropyGradient {
  LossFrame frame;
  const std::int32_t* labels;
  MURMUR_HD void operator()(std::size_t row) const {
    float* z = frame.outputs + row;
    const std::size_t stride = frame.rows;
    const auto label = static_cast<std::size_t>(labels[frame.sample[row]]);
    float most = z[0];
    for (std::size_t c = 1; c < frame.width; ++c) {
      if (z[c * stride] > most) most = z[c * stride];
    }
    const float own = z[label * stride] - most;
    float sum = 0.0F;
    for (std::size_t c = 0; c < frame.width; ++c) {
      const float e = expf(z[c * stride] - most);
      z[c * stride] = e;
      sum += e;
    }
    const auto mean = 1.0F / static_cast<float>(frame.rows);
    const float scale = mean / sum;
    for (std::size_t c = 0; c < frame.width; ++c) z[c * stride] *= scale;
    z[label * stride] -= mean;
    frame.loss[row] += frame.weight * static_cast<double>(logf(sum) - own);
  }
};

/// The same without the gradient; counts the rows whose greatest output is their label's.
struct CrossEntropyValue {
  LossFrame frame;
  const std::int32_t* labels;
  std::uint32_t* correct;  ///< a slot a row, added to
  MURMUR_HD void operator()(std::size_t row) const {
    const float* z = frame.outputs + row;
    const std::size_t stride = frame.rows;
    const auto label = static_cast<std::size_t>(labels[frame.sample[row]]);
    std::size_t best = 0;
    for (std::size_t c = 1; c < frame.width; ++c) {
      if (z[c * stride] > z[best * stride]) best = c;
    }
    const float most = z[best * stride];
    float sum = 0.0F;
    for (std::size_t c = 0; c < frame.width; ++c) sum += expf(z[c * stride] - most);
    frame.loss[row] += frame.weight * static_cast<double>(logf(sum) - (z[label * stride] - most));
    correct[row] += best == label ? 1 : 0;
  }
};

/// Mean squared error, over the rows and the outputs.
struct SquaredError {
  LossFrame frame;
  const float* targets;
  bool gradient;
  MURMUR_HD void operator()(std::size_t row) const {
    float* y = frame.outputs + row;
    const std::size_t stride = frame.rows;
    const float* target = targets + frame.sample[row] * frame.width;
    const float scale = 2.0F / static_cast<float>(frame.width * frame.rows);
    float sum = 0.0F;
    for (std::size_t c = 0; c < frame.width; ++c) {
      const float difference = y[c * stride] - target[c];
      sum += difference * difference;
      if (gradient) y[c * stride] = scale * difference;
    }
    frame.loss[row] += frame.weight * static_cast<double>(sum) / static_cast<double>(frame.width);
  }
};

/// Raises `flag` if any of a block of values is not finite.
struct FlagNotFinite {
  static constexpr std::size_t kBlock = 256;
  const float* values;
  std::size_t size;
  std::uint32_t* flag;
  MURMUR_HD void operator()(std::size_t block) const {
    const std::size_t begin = block * kBlock;
    const std::size_t end = begin + kBlock < size ? begin + kBlock : size;
    std::uint32_t most = 0;
    for (std::size_t i = begin; i < end; ++i) {
      std::uint32_t magnitude;
      memcpy(&magnitude, values + i, sizeof(magnitude));
      magnitude &= 0x7fffffffU;
      most = magnitude > most ? magnitude : most;
    }
    if (most >= 0x7f800000U) *flag = 1;
  }
};

}  // namespace murmur::gpu::MURMUR_BACKEND
