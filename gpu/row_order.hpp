// In which order an epoch visits the rows of a peer's part: a fresh permutation each epoch, of
// which any place can be computed on its own, on either backend. So the place in the data is two
// numbers, and no permutation is stored or uploaded.
//
// A Feistel network of four rounds permutes the least power of four that covers the rows; values
// past them are sent round again (cycle walking).
// Thread rule: values.
#pragma once

#include <bit>
#include <cstdint>

#include "core/rng.hpp"
#include "gpu/shared/hd.hpp"

namespace murmur::gpu {

/// Where the next batch starts: `position` rows of `epoch` have been taken.
struct PlaceInData {
  std::uint64_t epoch = 0;
  std::uint64_t position = 0;
};

class RowOrder {
 public:
  RowOrder() = default;
  RowOrder(std::uint64_t seed, std::uint64_t stream, std::uint64_t epoch, std::uint32_t rows)
      : rows_(rows), half_bits_(half_bits(rows)) {
    core::Rng rng(core::mix64(seed) + epoch, stream, "batches");
    for (std::uint32_t& key : keys_) key = static_cast<std::uint32_t>(rng.next());
  }

  /// The row at `position` < rows.
  MURMUR_HD std::uint32_t operator()(std::uint32_t position) const {
    std::uint64_t value = position;
    do {
      value = rounds(value);
    } while (value >= rows_);
    return static_cast<std::uint32_t>(value);
  }

 private:
  static constexpr int kRounds = 4;

  static int half_bits(std::uint32_t rows) {
    const int bits = rows > 1 ? std::bit_width(rows - 1) : 1;
    return (bits + 1) / 2;
  }

  MURMUR_HD std::uint64_t rounds(std::uint64_t value) const {
    const std::uint32_t mask = (std::uint32_t{1} << half_bits_) - 1;
    auto left = static_cast<std::uint32_t>(value >> half_bits_);
    auto right = static_cast<std::uint32_t>(value) & mask;
    for (int i = 0; i < kRounds; ++i) {
      // Murmur3's finaliser scatters the half and the key.
      std::uint32_t h = right * 0x9e3779b1U + keys_[i];
      h = (h ^ (h >> 16)) * 0x85ebca6bU;
      h = (h ^ (h >> 13)) * 0xc2b2ae35U;
      h ^= h >> 16;
      const std::uint32_t next = (left ^ h) & mask;
      left = right;
      right = next;
    }
    return (std::uint64_t{left} << half_bits_) | right;
  }

  std::uint32_t rows_ = 1;
  int half_bits_ = 1;
  std::uint32_t keys_[kRounds] = {};
};

}  // namespace murmur::gpu
