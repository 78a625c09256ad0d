// Matrix products of every backend against sums in double.
#include <cmath>

#include "../catch.hpp"
#include "kernels_under_test.hpp"
#include "reference.hpp"

namespace murmur::gpu::test {
namespace {

/// Elements that a batch of matrices of `rows` rows, `stride` apart, covers.
std::size_t extent(std::size_t rows, std::size_t stride, std::size_t batch, std::size_t next) {
  return (batch - 1) * next + rows * stride;
}

void check(KernelsUnderTest& kernels, const Product& p) {
  CAPTURE(kernels.name(), p.m, p.n, p.k, p.trans_a, p.trans_b, p.alpha, p.beta);
  CAPTURE(p.a_row(), p.b_row(), p.c_row(), p.batch, p.a_next, p.b_next, p.c_next);
  const Floats a = random_floats(extent(p.trans_a ? p.k : p.m, p.a_row(), p.batch, p.a_next), 1);
  const Floats b = random_floats(extent(p.trans_b ? p.n : p.k, p.b_row(), p.batch, p.b_next), 2);
  Floats c = random_floats(extent(p.m, p.c_row(), p.batch, p.c_next), 3);
  if (p.beta == 0) c.assign(c.size(), NAN);  // is not to be read
  Floats expected = c;
  kernels.gemm(p, a, b, c);
  for (std::size_t which = 0; which < p.batch; ++which) {
    for (std::size_t i = 0; i < p.m; ++i) {
      for (std::size_t j = 0; j < p.n; ++j) {
        double sum = 0;
        for (std::size_t l = 0; l < p.k; ++l) {
          const std::size_t in_a = p.trans_a ? l * p.a_row() + i : i * p.a_row() + l;
          const std::size_t in_b = p.trans_b ? j * p.b_row() + l : l * p.b_row() + j;
          sum += double{a[which * p.a_next + in_a]} * double{b[which * p.b_next + in_b]};
        }
        float& out = expected[which * p.c_next + i * p.c_row() + j];
        out = static_cast<float>(p.alpha * sum + (p.beta != 0 ? double{p.beta} * double{out} : 0));
      }
    }
  }
  for (std::size_t i = 0; i < c.size(); ++i) {
    const bool untouched = std::isnan(expected[i]);
    if (untouched ? !std::isnan(c[i]) : !(std::abs(c[i] - expected[i]) <= 1e-5)) {
      CAPTURE(i);
      REQUIRE(c[i] == Approx(expected[i]));
    }
  }
}

const std::size_t kShapes[][3] = {{1, 1, 1},     {3, 5, 7},      {64, 10, 128},
                                  {7, 130, 40},  {33, 190, 9},   {64, 256, 31},
                                  {130, 33, 65}, {256, 200, 64}, {20, 40, 1500}};

TEST_CASE("matrix products equal the reference for every transposition and scale", "[gemm]") {
  const float scales[][2] = {{1, 0}, {1, 1}, {-0.5F, 0.25F}};
  for (const auto& kernels : kernels_under_test()) {
    for (const auto& [m, n, k] : kShapes) {
      for (int form = 0; form < 4; ++form) {
        for (const auto& [alpha, beta] : scales) {
          check(*kernels, {.m = m,
                           .n = n,
                           .k = k,
                           .trans_a = (form & 1) != 0,
                           .trans_b = (form & 2) != 0,
                           .alpha = alpha,
                           .beta = beta});
        }
      }
    }
  }
}

TEST_CASE("a product with strides leaves what lies between its rows alone", "[gemm]") {
  for (const auto& kernels : kernels_under_test()) {
    for (const auto& [m, n, k] : kShapes) {
      for (int form = 0; form < 8; ++form) {
        Product p{.m = m,
                  .n = n,
                  .k = k,
                  .trans_a = (form & 1) != 0,
                  .trans_b = (form & 2) != 0,
                  .beta = (form & 4) != 0 ? 1.0F : 0.0F};
        p.a_stride = p.a_row() + 3;
        p.b_stride = p.b_row() + 1;
        p.c_stride = p.c_row() + 2;
        check(*kernels, p);
      }
    }
  }
}

TEST_CASE("a batch of products is one after the other, and may share a side", "[gemm]") {
  for (const auto& kernels : kernels_under_test()) {
    for (int form = 0; form < 4; ++form) {
      Product p{.m = 6,
                .n = 37,
                .k = 18,
                .trans_a = (form & 1) != 0,
                .trans_b = (form & 2) != 0,
                .batch = 5};
      p.a_next = p.m * p.k + 4;
      p.b_next = p.n * p.k;
      p.c_next = p.m * p.n + 1;
      check(*kernels, p);
      p.b_next = 0;
      check(*kernels, p);
      // Heads side by side in a row, as attention has them.
      p = {.m = 40,
           .n = 40,
           .k = 8,
           .trans_b = true,
           .a_stride = 24,
           .b_stride = 24,
           .batch = 3,
           .a_next = 8,
           .b_next = 8,
           .c_next = 1600};
      check(*kernels, p);
    }
  }
}

}  // namespace
}  // namespace murmur::gpu::test
