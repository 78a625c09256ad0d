// Clip: scales a gradient down to a norm (Pascanu, Mikolov, Bengio, arXiv 1211.5063), by the
// formula of PyTorch's clip_grad_norm_. Compiled once a backend (gpu/shared/backend.hpp).
//
// Thread rule: the Context's. Nothing is allocated or read back; the sums are of a fixed order, so
// that the threads change no bit.
#pragma once

#include <cmath>
#include <cstddef>

#include "gpu/shared/backend.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// Numbers that one index of a kernel adds up.
inline constexpr std::size_t kAddends = 256;

struct SquareSums {
  const float* x;
  std::size_t n;
  double* sums;
  MURMUR_HD void operator()(std::size_t i) const {
    constexpr std::size_t kWidth = 8;  // as many sums as fill a vector
    double part[kWidth] = {};
    const std::size_t begin = i * kAddends;
    const std::size_t end = begin + kAddends < n ? begin + kAddends : n;
    std::size_t at = begin;
    for (; at + kWidth <= end; at += kWidth) {
      for (std::size_t k = 0; k < kWidth; ++k) {
        const double value = x[at + k];
        part[k] += value * value;
      }
    }
    for (; at < end; ++at) part[0] += double{x[at]} * double{x[at]};
    double sum = 0;
    for (std::size_t k = 0; k < kWidth; ++k) sum += part[k];
    sums[i] = sum;
  }
};

struct Sums {
  const double* in;
  std::size_t n;
  double* out;
  MURMUR_HD void operator()(std::size_t i) const {
    const std::size_t begin = i * kAddends;
    const std::size_t end = begin + kAddends < n ? begin + kAddends : n;
    double sum = 0;
    for (std::size_t at = begin; at < end; ++at) sum += in[at];
    out[i] = sum;
  }
};

struct ScaleToNorm {
  float* x;
  const double* square;
  double norm_max;
  MURMUR_HD void operator()(std::size_t i) const {
    const double factor = norm_max / (sqrt(*square) + 1e-6);
    if (factor < 1) x[i] = static_cast<float>(x[i] * factor);
  }
};

class Clip {
 public:
  /// Of gradients of `n` numbers, to `norm_max` > 0.
  Clip(Context& context, float norm_max, std::size_t n)
      : norm_max_(norm_max),
        size_(n),
        sums_{Buffer<double>(context, groups(n)), Buffer<double>(context, groups(groups(n)))} {}

  void apply(Context& context, float* gradient) {
    std::size_t left = groups(size_);
    std::size_t from = 0;
    for_each_index(context, left, SquareSums{gradient, size_, sums_[from].data()});
    for (; left > 1; from = 1 - from) {
      for_each_index(context, groups(left), Sums{sums_[from].data(), left, sums_[1 - from].data()});
      left = groups(left);
    }
    for_each_index(context, size_, ScaleToNorm{gradient, sums_[from].data(), norm_max_});
  }

 private:
  static std::size_t groups(std::size_t n) { return (n + kAddends - 1) / kAddends; }
  double norm_max_;
  std::size_t size_;
  Buffer<double> sums_[2];  // of one level and of the next
};

}  // namespace murmur::gpu::MURMUR_BACKEND
