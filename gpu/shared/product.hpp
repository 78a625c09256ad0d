// What gemm() of either backend multiplies: matrices with strides, one or a batch of them.
//
// Thread rule: a value.
#pragma once

#include <cstddef>

namespace murmur::gpu {

/// C (m x n) = alpha * op(A) (m x k) * op(B) (k x n) + beta * C, `batch` times. All are row-major:
/// A is stored m x k, or k x m where `trans_a`; B k x n, or n x k where `trans_b`. With beta 0, C
/// is not read.
struct Product {
  std::size_t m = 0, n = 0, k = 0;
  bool trans_a = false, trans_b = false;
  float alpha = 1.0F, beta = 0.0F;
  /// Elements from one stored row to the next; 0: as many as a row has.
  std::size_t a_stride = 0, b_stride = 0, c_stride = 0;
  std::size_t batch = 1;
  /// Elements from one matrix of the batch to the next; 0: the same one for all (not C).
  std::size_t a_next = 0, b_next = 0, c_next = 0;

  [[nodiscard]] std::size_t a_row() const { return a_stride > 0 ? a_stride : trans_a ? m : k; }
  [[nodiscard]] std::size_t b_row() const { return b_stride > 0 ? b_stride : trans_b ? k : n; }
  [[nodiscard]] std::size_t c_row() const { return c_stride > 0 ? c_stride : n; }
};

}  // namespace murmur::gpu
