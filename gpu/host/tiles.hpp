// The inner part of the CPU's products: a panel of the right matrix is copied where the tiles find
// it in order, and each tile of C, 8 rows by two vectors, stays in registers over the whole of k.
// The left matrix is read where it lies.
//
// Thread rule: pure functions. Each element of C is summed in the order of k.
// Files that include this are built with -ffp-contract=fast, for fused multiply-adds.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <utility>

namespace murmur::gpu::host {

#if defined(__AVX512F__)
inline constexpr std::size_t kLanes = 16;
/// 16 of the 32 registers sum: two units x latency 4, twice over.
inline constexpr std::size_t kTileRows = 8;
#elif defined(__AVX__)
inline constexpr std::size_t kLanes = 8;
inline constexpr std::size_t kTileRows = 6;  // 12 of the 16 registers
#else
inline constexpr std::size_t kLanes = 4;
inline constexpr std::size_t kTileRows = 6;
#endif
using Vector [[gnu::vector_size(kLanes * sizeof(float)), gnu::may_alias]] = float;
using Four [[gnu::vector_size(4 * sizeof(float))]] = float;

inline constexpr std::size_t kPanelColumns = 2 * kLanes;
/// Rows of a panel: 128 KiB at 16 lanes, on the stack.
inline constexpr std::size_t kPanelRows = 1024;

/// Rows of a panel where many more follow and the left side is read across its rows.
inline constexpr std::size_t kFewPanelRows = 256;

/// Element (i, j) is at data[i * row + j * column].
struct View {
  const float* data;
  std::size_t row;
  std::size_t column;
};

/// Writes a block of 4 x 4, transposed: three times faster than one by one.
inline void transpose4(const float* from, std::size_t stride, float* to, std::size_t to_stride) {
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
  for (std::size_t i = 0; i < 4; ++i) std::memcpy(to + i * to_stride, &column[i], sizeof(Four));
}

/// Zeros in the rest of the last vector that the first `width` columns of a panel take.
inline void clear_rest(float* panel, std::size_t k, std::size_t width) {
  const std::size_t rest = (kLanes - width % kLanes) % kLanes;
  if (rest == 0) return;
  for (std::size_t p = 0; p < k; ++p) std::fill_n(panel + p * kPanelColumns + width, rest, 0.0F);
}

/// Copies the k x width corner of `b`, width <= kPanelColumns, into `panel`, kPanelColumns apart,
/// with zeros in the rest of a vector past `width`. One of b's strides is 1.
inline void pack(const View& b, std::size_t k, std::size_t width, float* panel) {
  clear_rest(panel, k, width);
  if (b.column == 1) {
    for (std::size_t p = 0; p < k; ++p) {
      const float* from = b.data + p * b.row;
      float* to = panel + p * kPanelColumns;
      if (width == kPanelColumns) {
        std::memcpy(to, from, kPanelColumns * sizeof(float));
      } else {
        std::copy_n(from, width, to);
      }
    }
    return;
  }
  const std::size_t whole_k = k / 4 * 4;
  const std::size_t whole_width = width / 4 * 4;
  for (std::size_t p = 0; p < whole_k; p += 4) {
    for (std::size_t j = 0; j < whole_width; j += 4) {
      transpose4(b.data + j * b.column + p, b.column, panel + p * kPanelColumns + j, kPanelColumns);
    }
  }
  for (std::size_t p = 0; p < k; ++p) {
    for (std::size_t j = p < whole_k ? whole_width : 0; j < width; ++j) {
      panel[p * kPanelColumns + j] = b.data[j * b.column + p];
    }
  }
}

/// How a tile's sums reach C: c = alpha * sum + beta * c, with C's columns `stride` apart and not
/// its rows where it is `transposed`.
struct Store {
  float alpha;
  float beta;
  std::size_t stride;
  bool transposed;
};

/// Sums that were scaled, kPanelColumns apart in `block`, to a C that is transposed.
inline void store_columns(const float* block, std::size_t rows, const Store& store, float* c,
                          std::size_t width) {
  const bool add = store.beta != 0.0F;
  const std::size_t whole_rows = add ? 0 : rows / 4 * 4;
  const std::size_t whole_width = width / 4 * 4;
  for (std::size_t r = 0; r < whole_rows; r += 4) {
    for (std::size_t j = 0; j < whole_width; j += 4) {
      transpose4(block + r * kPanelColumns + j, kPanelColumns, c + j * store.stride + r,
                 store.stride);
    }
  }
  for (std::size_t j = 0; j < width; ++j) {
    float* out = c + j * store.stride;
    for (std::size_t r = j < whole_width ? whole_rows : 0; r < rows; ++r) {
      const float value = block[r * kPanelColumns + j];
      out[r] = add ? store.beta * out[r] + value : value;
    }
  }
}

/// Rows x (Vectors * kLanes) elements of C, of which the first `width` columns exist. (All
/// loops over the sums are unrolled, or they would leave the registers.)
template <std::size_t Rows, std::size_t Vectors>
void tile(std::size_t k, const View& a, const float* panel, const Store& store, float* c,
          std::size_t width) {
  Vector sums[Rows][Vectors];
#pragma GCC unroll 8
  for (std::size_t r = 0; r < Rows; ++r) {
    for (std::size_t v = 0; v < Vectors; ++v) sums[r][v] = Vector{};
  }
  for (std::size_t p = 0; p < k; ++p) {
    Vector b[Vectors];
    for (std::size_t v = 0; v < Vectors; ++v) {
      std::memcpy(&b[v], panel + p * kPanelColumns + v * kLanes, sizeof(Vector));
    }
#pragma GCC unroll 8
    for (std::size_t r = 0; r < Rows; ++r) {
      const float element = a.data[r * a.row + p * a.column];
      for (std::size_t v = 0; v < Vectors; ++v) sums[r][v] += element * b[v];
    }
  }
  if (store.transposed) {
    alignas(64) float block[Rows * kPanelColumns];
#pragma GCC unroll 8
    for (std::size_t r = 0; r < Rows; ++r) {
      for (std::size_t v = 0; v < Vectors; ++v) {
        const Vector value = store.alpha * sums[r][v];
        std::memcpy(block + r * kPanelColumns + v * kLanes, &value, sizeof(Vector));
      }
    }
    store_columns(block, Rows, store, c, width);
    return;
  }
  const bool whole = width == Vectors * kLanes;
#pragma GCC unroll 8
  for (std::size_t r = 0; r < Rows; ++r) {
    float row[Vectors * kLanes];
    float* out = whole ? c + r * store.stride : row;
    if (!whole && store.beta != 0.0F) std::copy_n(c + r * store.stride, width, row);
    for (std::size_t v = 0; v < Vectors; ++v) {
      Vector value = store.alpha * sums[r][v];
      if (store.beta != 0.0F) {
        Vector before;
        std::memcpy(&before, out + v * kLanes, sizeof(Vector));
        value += store.beta * before;
      }
      std::memcpy(out + v * kLanes, &value, sizeof(Vector));
    }
    if (!whole) std::copy_n(row, width, c + r * store.stride);
  }
}

using Tile = void(std::size_t, const View&, const float*, const Store&, float*, std::size_t);

template <std::size_t Vectors, std::size_t... Row>
constexpr std::array<Tile*, kTileRows> tiles_of(std::index_sequence<Row...>) {
  return {&tile<Row + 1, Vectors>...};
}
/// kTiles[vectors - 1][rows - 1]
inline constexpr std::array<std::array<Tile*, kTileRows>, 2> kTiles{
    tiles_of<1>(std::make_index_sequence<kTileRows>()),
    tiles_of<2>(std::make_index_sequence<kTileRows>())};

/// As multiply_panel(), of an `a` whose numbers lie side by side along its rows: strips of it are
/// copied, a cache line at a time. Where its columns are a power of two apart they would take
/// each other's place in the first-level cache.
inline void multiply_strips(std::size_t first, std::size_t last, std::size_t k, const View& a,
                            const float* panel, const Store& store, float* c, std::size_t width) {
  constexpr std::size_t kTogether = 2;
  alignas(64) float strips[kTogether][kFewPanelRows * kTileRows];
  const auto& tiles = kTiles[width > kLanes ? 1 : 0];
  const std::size_t row_step = store.transposed ? 1 : store.stride;
  for (std::size_t row = first; row < last; row += kTogether * kTileRows) {
    const std::size_t count = std::min(kTogether * kTileRows, last - row);
    for (std::size_t p = 0; p < k; ++p) {
      const float* const from = a.data + row + p * a.column;
      if (count == kTogether * kTileRows) {
        std::memcpy(strips[0] + p * kTileRows, from, kTileRows * sizeof(float));
        std::memcpy(strips[1] + p * kTileRows, from + kTileRows, kTileRows * sizeof(float));
      } else {
        for (std::size_t r = 0; r < count; ++r) {
          strips[r / kTileRows][p * kTileRows + r % kTileRows] = from[r];
        }
      }
    }
    for (std::size_t s = 0; s * kTileRows < count; ++s) {
      const std::size_t rows = std::min(kTileRows, count - s * kTileRows);
      tiles[rows - 1](k, {strips[s], 1, kTileRows}, panel, store,
                      c + (row + s * kTileRows) * row_step, width);
    }
  }
}

/// The rows [first, last) of C's panel of `width` columns, from `k` rows in `panel`. `a` and `c`
/// are at row 0.
inline void multiply_panel(std::size_t first, std::size_t last, std::size_t k, const View& a,
                           const float* panel, const Store& store, float* c, std::size_t width) {
  if (a.row == 1 && a.column > 1 && k == kFewPanelRows) {
    multiply_strips(first, last, k, a, panel, store, c, width);
    return;
  }
  const auto& tiles = kTiles[width > kLanes ? 1 : 0];
  const std::size_t row_step = store.transposed ? 1 : store.stride;
  for (std::size_t row = first; row < last; row += kTileRows) {
    const View left{a.data + row * a.row, a.row, a.column};
    tiles[std::min(kTileRows, last - row) - 1](k, left, panel, store, c + row * row_step, width);
  }
}

}  // namespace murmur::gpu::host
