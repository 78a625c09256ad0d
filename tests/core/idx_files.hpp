// IDX files for tests.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

namespace murmur::testing {

inline std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

/// Pixels count up from 0.
inline std::string idx_images(std::uint32_t count, std::uint32_t rows, std::uint32_t columns) {
  std::string file = big_endian(0x803) + big_endian(count) + big_endian(rows) + big_endian(columns);
  for (std::uint32_t i = 0; i < count * rows * columns; ++i) file += static_cast<char>(i);
  return file;
}

inline std::string idx_labels(std::initializer_list<int> labels) {
  std::string file = big_endian(0x801) + big_endian(static_cast<std::uint32_t>(labels.size()));
  for (const int label : labels) file += static_cast<char>(label);
  return file;
}

}  // namespace murmur::testing
