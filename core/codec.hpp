// How a shard's floats are written on the wire. The byte formats, little-endian:
//   fp32  n IEEE binary32
//   fp16  n IEEE binary16, rounded to nearest even
//   int8  n signed bytes q, then ceil(n / 256) signed bytes e, one a block of 256 elements;
//         element i decodes to q[i] * 2^e[i / 256]. q is in -127..127, e in kInt8MinExponent
//         .. kInt8MaxExponent. It can hold neither NaN nor infinity.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace murmur::core {

enum class Codec : std::uint8_t { kFp32 = 0, kFp16 = 1, kInt8 = 2 };
inline constexpr std::uint8_t kCodecCount = 3;

inline constexpr std::size_t kInt8Block = 256;
inline constexpr int kInt8MinExponent = -120;
inline constexpr int kInt8MaxExponent = 120;

/// Bytes that `n` floats take. The receiver computes it from the schema before allocating.
constexpr std::size_t encoded_size(Codec codec, std::size_t n) {
  switch (codec) {
    case Codec::kFp32:
      return 4 * n;
    case Codec::kFp16:
      return 2 * n;
    case Codec::kInt8:
      return n + (n + kInt8Block - 1) / kInt8Block;
  }
  return 0;
}

constexpr std::string_view to_string(Codec codec) {
  switch (codec) {
    case Codec::kFp32:
      return "fp32";
    case Codec::kFp16:
      return "fp16";
    case Codec::kInt8:
      return "int8";
  }
  return "?";
}

constexpr std::optional<Codec> parse_codec(std::string_view text) {
  for (std::uint8_t i = 0; i < kCodecCount; ++i) {
    if (to_string(Codec{i}) == text) return Codec{i};
  }
  return std::nullopt;
}

}  // namespace murmur::core
