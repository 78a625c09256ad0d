// Two-dimensional loops and resident data of the CPU backend; cuda/cells.hpp has the same names.
//
// Thread rule: the Context's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/byte_rows.hpp"
#include "gpu/host/context.hpp"

namespace murmur::gpu::host {

/// Calls f(row, column) for all of rows x columns, row by row: row-major data is visited in order,
/// and what depends on the row alone is hoisted out of the loop.
template <class F>
void for_each_cell(Context& context, std::size_t rows, std::size_t columns, const F& f) {
  const auto run = [&](std::size_t row) {
    for (std::size_t column = 0; column < columns; ++column) f(row, column);
  };
  if (rows * columns < Context::kParallelMin) {
    for (std::size_t row = 0; row < rows; ++row) run(row);
  } else {
    context.for_each_task(rows, run);
  }
}

/// Calls f(i) for i in [0, n), each as much work as `size` elements are.
template <class F>
void for_each_run(Context& context, std::size_t n, std::size_t size, const F& f) {
  if (n * size < Context::kParallelMin) {
    for (std::size_t i = 0; i < n; ++i) f(i);
  } else {
    context.for_each_task(n, f);
  }
}

/// Neighbouring columns that one index of a kernel sums up: as many as fill a vector.
inline constexpr std::size_t kColumnsTogether = 16;

/// Samples whose attention is worked out together: their scores stay in a core's cache, and are
/// work enough for several.
inline constexpr std::size_t kSamplesTogether = 8;

/// Rows evaluated together: work enough for each thread, of which a core's cache still has some.
inline std::size_t rows_evaluated_together(const Context& context) {
  return 64 * static_cast<std::size_t>(context.threads());
}

/// A vector of the host as the backend reads it: on the CPU, itself.
template <class T>
class Resident {
 public:
  /// `values` outlives it.
  Resident(Context&, const std::vector<T>& values) : data_(values.data()) {}
  [[nodiscard]] const T* data() const { return data_; }

 private:
  const T* data_;
};

/// Rows of bytes as the backend reads them: on the CPU, where they lie.
class ResidentRows {
 public:
  /// `rows` and what they lie in outlive it.
  ResidentRows(Context&, const core::ByteRows& rows, std::size_t /*width*/) : rows_(rows) {}
  [[nodiscard]] const std::uint8_t* data() const { return rows_.data(); }
  /// Of each row, its number from data() on; null: they lie one after the other.
  [[nodiscard]] const std::uint32_t* places() const { return rows_.places(); }

 private:
  const core::ByteRows& rows_;
};

}  // namespace murmur::gpu::host
