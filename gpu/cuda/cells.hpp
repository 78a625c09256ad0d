// Two-dimensional loops and resident data of the CUDA backend; host/cells.hpp has the same names.
//
// Thread rule: the Context's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/byte_rows.hpp"
#include "gpu/cuda/context.hpp"

namespace murmur::gpu::cuda {

template <class F>
struct CellByIndex {
  F f;
  std::uint32_t columns;
  MURMUR_HD void operator()(std::size_t i) const {
    const auto index = static_cast<std::uint32_t>(i);
    f(index / columns, index % columns);
  }
};

/// Calls f(row, column) for all of rows x columns, fewer than 2^32 together. Neighbouring threads
/// have neighbouring columns.
template <class F>
void for_each_cell(Context& context, std::size_t rows, std::size_t columns, const F& f) {
  for_each_index(context, rows * columns, CellByIndex<F>{f, static_cast<std::uint32_t>(columns)});
}

/// Calls f(i) for i in [0, n), each as much work as `size` elements are.
template <class F>
void for_each_run(Context& context, std::size_t n, std::size_t /*size*/, const F& f) {
  for_each_index(context, n, f);
}

/// Neighbouring columns that one index of a kernel sums up: neighbouring threads read them
/// together.
inline constexpr std::size_t kColumnsTogether = 1;

/// Samples whose attention is worked out together.
inline constexpr std::size_t kSamplesTogether = 64;

/// Rows evaluated together: as many as there may be.
inline std::size_t rows_evaluated_together(const Context& /*context*/) {
  return std::numeric_limits<std::size_t>::max();
}

/// A vector of the host as the backend reads it: uploaded once.
template <class T>
class Resident {
 public:
  Resident(Context& context, const std::vector<T>& values) : buffer_(context, values.size()) {
    upload(context, buffer_.data(), values.data(), values.size());
  }
  [[nodiscard]] const T* data() const { return buffer_.data(); }

 private:
  Buffer<T> buffer_;
};

/// Rows of bytes as the backend reads them: uploaded once, one after the other.
class ResidentRows {
 public:
  ResidentRows(Context& context, const core::ByteRows& rows, std::size_t width)
      : bytes_(context, rows.empty() ? std::vector<std::uint8_t>() : rows.gather(width)) {}
  [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }
  [[nodiscard]] const std::uint32_t* places() const { return nullptr; }

 private:
  Resident<std::uint8_t> bytes_;
};

}  // namespace murmur::gpu::cuda
