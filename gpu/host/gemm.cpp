// Matrix products of training's own sizes: one side is a mini-batch, so a panel of B fits the
// second-level cache and A need not be copied at all. Each tile of C, 8 rows by two vectors, stays
// in registers over the whole of k. On a Zen 5 core, GCC 12, float, 64 x 784 x 256 and its weight
// gradient ran at 235-255 GFLOP/s so; Eigen 3.4, which copies both sides, at 154-161 (Clang: 186-
// 206). Debian 12's OpenBLAS 0.3.21 is behind PyTorch's 0.53 ms a step there.
//
// Invariant: each element of C is summed by one task in the order of k, so the result depends
// neither on the number of threads nor on scheduling. This file alone is built with
// -ffp-contract=fast, for fused multiply-adds in the portable vector code below.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "gpu/host/context.hpp"

namespace murmur::gpu::host {
namespace {

#if defined(__AVX512F__)
constexpr std::size_t kLanes = 16;
constexpr std::size_t kRows = 8;  // 16 of the 32 registers sum: two units x latency 4, twice over
#elif defined(__AVX__)
constexpr std::size_t kLanes = 8;
constexpr std::size_t kRows = 6;  // 12 of the 16 registers
#else
constexpr std::size_t kLanes = 4;
constexpr std::size_t kRows = 6;
#endif
using Vector [[gnu::vector_size(kLanes * sizeof(float)), gnu::may_alias]] = float;

constexpr std::size_t kPanelColumns = 2 * kLanes;
/// Rows of a panel of B: 128 KiB at 16 lanes, on the stack.
constexpr std::size_t kPanelRows = 1024;
/// Below this many multiply-adds one thread is faster than several.
constexpr std::size_t kParallelWork = std::size_t{1} << 21;

/// A matrix as it is read: element (row, k) is at data[row * row_stride + k * k_stride].
struct Left {
  const float* data;
  std::size_t row_stride;
  std::size_t k_stride;
};

using Four [[gnu::vector_size(4 * sizeof(float))]] = float;

/// Copies a block of 4 x 4, transposed, into the panel: three times faster than one by one.
void transpose4(const float* from, std::size_t stride, float* to) {
  Four row[4];
  for (std::size_t i = 0; i < 4; ++i) std::memcpy(&row[i], from + i * stride, sizeof(Four));
  const Four low01 = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
  const Four high01 = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
  const Four low23 = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
  const Four high23 = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
  const Four column[4] = {__builtin_shufflevector(low01, low23, 0, 1, 4, 5),
                          __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
                          __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
                          __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
  for (std::size_t i = 0; i < 4; ++i) {
    std::memcpy(to + i * kPanelColumns, &column[i], sizeof(Four));
  }
}

/// Copies B's columns [column, column + width) of rows [begin, begin + k) into `panel`,
/// kPanelColumns apart, with zeros past `width`. `stride` is that of B's memory.
void pack(const float* b, std::size_t stride, bool transposed, std::size_t begin, std::size_t k,
          std::size_t column, std::size_t width, float* panel) {
  if (width < kPanelColumns) std::fill_n(panel, k * kPanelColumns, 0.0F);
  if (!transposed) {
    for (std::size_t p = 0; p < k; ++p) {
      const float* from = b + (begin + p) * stride + column;
      float* to = panel + p * kPanelColumns;
      if (width == kPanelColumns) {
        std::memcpy(to, from, kPanelColumns * sizeof(float));
      } else {
        std::copy_n(from, width, to);
      }
    }
    return;
  }
  const float* from = b + column * stride + begin;
  const std::size_t whole_k = k / 4 * 4;
  const std::size_t whole_width = width / 4 * 4;
  for (std::size_t p = 0; p < whole_k; p += 4) {
    for (std::size_t j = 0; j < whole_width; j += 4) {
      transpose4(from + j * stride + p, stride, panel + p * kPanelColumns + j);
    }
  }
  for (std::size_t p = 0; p < k; ++p) {
    for (std::size_t j = p < whole_k ? whole_width : 0; j < width; ++j) {
      panel[p * kPanelColumns + j] = from[j * stride + p];
    }
  }
}

/// How a tile's sums reach C: c = alpha * sum + beta * c.
struct Store {
  float alpha;
  float beta;
};

/// Rows x (Vectors * kLanes) elements of C, of which the first `width` columns exist.
template <std::size_t Rows, std::size_t Vectors>
void tile(std::size_t k, const Left& a, const float* panel, const Store& store, float* c,
          std::size_t stride, std::size_t width) {
  Vector sums[Rows][Vectors] = {};
  for (std::size_t p = 0; p < k; ++p) {
    Vector b[Vectors];
    for (std::size_t v = 0; v < Vectors; ++v) {
      std::memcpy(&b[v], panel + p * kPanelColumns + v * kLanes, sizeof(Vector));
    }
    for (std::size_t r = 0; r < Rows; ++r) {
      const float element = a.data[r * a.row_stride + p * a.k_stride];
      for (std::size_t v = 0; v < Vectors; ++v) sums[r][v] += element * b[v];
    }
  }
  const bool whole = width == Vectors * kLanes;
  for (std::size_t r = 0; r < Rows; ++r) {
    float row[Vectors * kLanes];
    float* out = whole ? c + r * stride : row;
    if (!whole) std::copy_n(c + r * stride, width, row);
    for (std::size_t v = 0; v < Vectors; ++v) {
      Vector value = store.alpha * sums[r][v];
      if (store.beta != 0.0F) {
        Vector before;
        std::memcpy(&before, out + v * kLanes, sizeof(Vector));
        value += store.beta * before;
      }
      std::memcpy(out + v * kLanes, &value, sizeof(Vector));
    }
    if (!whole) std::copy_n(row, width, c + r * stride);
  }
}

using Tile = void(std::size_t, const Left&, const float*, const Store&, float*, std::size_t,
                  std::size_t);

/// kTiles[vectors - 1][rows - 1]
template <std::size_t Vectors, std::size_t... Row>
constexpr std::array<Tile*, kRows> tiles(std::index_sequence<Row...>) {
  return {&tile<Row + 1, Vectors>...};
}
constexpr std::array<std::array<Tile*, kRows>, 2> kTiles{
    tiles<1>(std::make_index_sequence<kRows>()), tiles<2>(std::make_index_sequence<kRows>())};

}  // namespace

void gemm(Context& context, bool trans_a, bool trans_b, std::size_t m, std::size_t n, std::size_t k,
          float alpha, const float* a, const float* b, float beta, float* c) {
  if (m == 0 || n == 0) return;
  // A task is a panel of columns by a run of rows; several runs only where the panels alone would
  // leave threads idle, since each run copies the panel again.
  const std::size_t panels = (n + kPanelColumns - 1) / kPanelColumns;
  const bool shared = context.threads() > 1 && m * n * k >= kParallelWork;
  const std::size_t runs =
      shared ? (static_cast<std::size_t>(context.threads()) + panels - 1) / panels : 1;
  const std::size_t run_rows = ((m + runs - 1) / runs + kRows - 1) / kRows * kRows;

  const auto task = [&](std::size_t index) {
    alignas(64) float panel[kPanelRows * kPanelColumns];
    const std::size_t column = index % panels * kPanelColumns;
    const std::size_t width = std::min(kPanelColumns, n - column);
    const auto& tiles = kTiles[width > kLanes ? 1 : 0];
    const std::size_t first = index / panels * run_rows;
    const std::size_t last = std::min(m, first + run_rows);
    for (std::size_t begin = 0; begin == 0 || begin < k; begin += kPanelRows) {
      const std::size_t depth = std::min(kPanelRows, k - begin);
      if (first < last) {
        pack(b, trans_b ? k : n, trans_b, begin, depth, column, width, panel);
      }
      const Store store{alpha, begin == 0 ? beta : 1.0F};
      for (std::size_t row = first; row < last; row += kRows) {
        const Left left =
            trans_a ? Left{a + begin * m + row, 1, m} : Left{a + row * k + begin, k, 1};
        tiles[std::min(kRows, last - row) - 1](depth, left, panel, store, c + row * n + column, n,
                                               width);
      }
    }
  };
  if (shared) {
    context.for_each_task(panels * runs, task);
  } else {
    for (std::size_t i = 0; i < panels; ++i) task(i);
  }
}

}  // namespace murmur::gpu::host
