// Two-dimensional loops and resident data of the backend that notes its calls (context.hpp).
//
// Thread rule: the Context's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/byte_rows.hpp"
#include "gpu/host/context.hpp"

namespace murmur::gpu::host {

template <class F>
void for_each_cell(Context& context, std::size_t rows, std::size_t columns, const F& f) {
  for_each_index(context, rows * columns, [=](std::size_t i) { f(i / columns, i % columns); });
}
template <class F>
void for_each_run(Context& context, std::size_t n, std::size_t /*size*/, const F& f) {
  for_each_index(context, n, f);
}

inline constexpr std::size_t kColumnsTogether = 1;
inline constexpr std::size_t kSamplesTogether = 64;
inline std::size_t rows_evaluated_together(const Context&) { return 64; }

template <class T>
class Resident {
 public:
  Resident(Context&, const std::vector<T>& values) : values_(values) {}
  [[nodiscard]] const T* data() const { return values_.data(); }

 private:
  std::vector<T> values_;
};

class ResidentRows {
 public:
  ResidentRows(Context&, const core::ByteRows& rows, std::size_t /*width*/) : rows_(rows) {}
  [[nodiscard]] const std::uint8_t* data() const { return rows_.data(); }
  [[nodiscard]] const std::uint32_t* places() const { return rows_.places(); }

 private:
  const core::ByteRows& rows_;
};

}  // namespace murmur::gpu::host
