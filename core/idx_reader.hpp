// IDX, the format of the MNIST files (yann.lecun.com/exdb/mnist): big-endian magic 0x00000803 for
// images (count, rows, columns, then bytes) and 0x00000801 for labels (count, then bytes).
// A header is believed only once the file's real length agrees with it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/byte_rows.hpp"
#include "core/result.hpp"

namespace murmur::core {

struct IdxImages {
  std::size_t count = 0;
  std::size_t width = 0;  ///< rows x columns
  ByteRows pixels;
};

/// Plain or gzip. Error: another magic, a length that is not what the header says, no images.
Result<IdxImages> read_idx_images(const std::filesystem::path& path);
/// Plain or gzip. Error: as above, or a label >= `classes`.
Result<std::vector<std::int32_t>> read_idx_labels(const std::filesystem::path& path,
                                                  std::size_t classes);

}  // namespace murmur::core
