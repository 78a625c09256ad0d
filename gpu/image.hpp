// The sizes of what looks at an image through windows: a convolution, a pool.
//
// Thread rule: a value.
#pragma once

#include <cstddef>

#include "core/layer_spec.hpp"
#include "gpu/shared/hd.hpp"

namespace murmur::gpu {

struct Windows {
  std::size_t channels, rows, columns;         ///< of the image
  std::size_t outputs, out_rows, out_columns;  ///< of what is made of it
  std::size_t kernel, stride, padding;

  [[nodiscard]] MURMUR_HD std::size_t pixels() const { return rows * columns; }
  [[nodiscard]] MURMUR_HD std::size_t out_pixels() const { return out_rows * out_columns; }
  [[nodiscard]] MURMUR_HD std::size_t in_size() const { return channels * pixels(); }
  [[nodiscard]] MURMUR_HD std::size_t out_size() const { return outputs * out_pixels(); }
  /// Numbers that one output of a convolution sums over.
  [[nodiscard]] MURMUR_HD std::size_t depth() const { return channels * kernel * kernel; }
};

inline Windows windows_of(const core::Shape& in, const core::Shape& out, std::size_t kernel,
                          std::size_t stride, std::size_t padding) {
  return {in[0], in[1], in[2], out[0], out[1], out[2], kernel, stride, padding};
}

}  // namespace murmur::gpu
