// Matrix products by Eigen, written so that it sees plain Maps and no temporaries. Eigen 3.4
// threads only over OpenMP, so rows of C are shared out over TBB here.
#include <Eigen/Core>
#include <algorithm>

#include "gpu/host/context.hpp"

namespace murmur::gpu::host {
namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ColMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;
using Stride = Eigen::OuterStride<>;
template <class Layout>
using In = Eigen::Map<const Layout, Eigen::Unaligned, Stride>;
using Out = Eigen::Map<RowMajor, Eigen::Unaligned, Stride>;

/// Below this many multiply-adds one thread is faster than several.
constexpr std::size_t kParallelWork = std::size_t{1} << 21;

template <class A, class B>
void product(float alpha, const A& a, const B& b, float beta, Out c) {
  if (beta == 0) {
    c.noalias() = alpha * a * b;
    return;
  }
  if (beta != 1) c *= beta;
  c.noalias() += alpha * a * b;
}

/// Rows [begin, end) of C, or columns when `by_columns`.
struct Part {
  bool by_columns;
  Eigen::Index begin, size;
};

template <class A, class B>
void part_product(const Part& part, float alpha, const A& a, const B& b, float beta, float* c,
                  Eigen::Index stride) {
  if (part.by_columns) {
    product(alpha, a, b.middleCols(part.begin, part.size), beta,
            Out(c + part.begin, a.rows(), part.size, Stride(stride)));
  } else {
    product(alpha, a.middleRows(part.begin, part.size), b, beta,
            Out(c + part.begin * stride, part.size, b.cols(), Stride(stride)));
  }
}

}  // namespace

void gemm(Context& context, bool trans_a, bool trans_b, std::size_t m_size, std::size_t n_size,
          std::size_t k_size, float alpha, const float* a, const float* b, float beta, float* c) {
  const auto m = static_cast<Eigen::Index>(m_size);
  const auto n = static_cast<Eigen::Index>(n_size);
  const auto k = static_cast<Eigen::Index>(k_size);
  // The transpose of a row-major matrix is the same memory read column-major.
  const auto run = [&](const Part& part) {
    const auto with_a = [&](const auto& left) {
      if (trans_b) {
        part_product(part, alpha, left, In<ColMajor>(b, k, n, Stride(k)), beta, c, n);
      } else {
        part_product(part, alpha, left, In<RowMajor>(b, k, n, Stride(n)), beta, c, n);
      }
    };
    if (trans_a) {
      with_a(In<ColMajor>(a, m, k, Stride(m)));
    } else {
      with_a(In<RowMajor>(a, m, k, Stride(k)));
    }
  };

  const bool by_columns = n > m;
  const Eigen::Index length = by_columns ? n : m;
  const bool shared = context.threads() > 1 && m_size * n_size * k_size >= kParallelWork;
  // Multiples of 16 keep the parts' edges on whole vectors.
  const Eigen::Index step =
      shared ? (((length + context.threads() - 1) / context.threads() + 15) & ~Eigen::Index{15})
             : std::max<Eigen::Index>(length, 1);
  context.for_each_task(static_cast<std::size_t>((length + step - 1) / step), [&](std::size_t i) {
    const Eigen::Index begin = static_cast<Eigen::Index>(i) * step;
    run({by_columns, begin, std::min(step, length - begin)});
  });
}

}  // namespace murmur::gpu::host
