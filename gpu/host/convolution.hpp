// Convolution on the CPU; cuda/convolution.hpp has the same names. A product whose right side, the
// windows of the image, is written only into the panels that a product copies anyway: no array of
// windows is ever made.
//
// Thread rule: the Context's; samples are shared out over its threads. Sums are in one order
// whatever the threads. Each thread keeps one padded image.
#pragma once

#include <cstddef>

#include "gpu/host/context.hpp"
#include "gpu/image.hpp"

namespace murmur::gpu::host {

class Convolution {
 public:
  explicit Convolution(const Windows& windows);

  /// Floats that both calls may write to, in all and for each sample.
  [[nodiscard]] std::size_t scratch() const;
  [[nodiscard]] std::size_t row_scratch() const { return 0; }

  /// `bias`: null for none. `and_relu`: what comes out is not below zero.
  void forward(Context& context, std::size_t rows, const float* images, const float* weight,
               const float* bias, bool and_relu, float* out, float* scratch) const;
  /// From the gradient `above` of what came out. `bias`, `below` (the images'): null if not asked.
  void backward(Context& context, std::size_t rows, const float* images, const float* weight,
                const float* above, float* weight_gradient, float* bias_gradient, float* below,
                float* scratch) const;

 private:
  void weight_gradient(Context& context, std::size_t rows, const float* images, const float* above,
                       float* weight, float* bias, float* scratch) const;

  Windows w_;
  std::size_t groups_;  ///< of samples, whose weight gradients are summed apart
};

}  // namespace murmur::gpu::host
