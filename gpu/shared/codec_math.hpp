// The codecs' arithmetic, one element or block at a time, for both backends. The byte formats are
// in core/codec.hpp. Everything here is exact or rounds once, so that a compiler which fuses a
// product and a sum gets the same bytes as one which does not.
#pragma once

#include <math.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/codec.hpp"
#include "core/rng.hpp"
#include "gpu/shared/hd.hpp"

namespace murmur::gpu::codec {

/// The bits of |x|: ordered as integers like |x| itself, with infinity and NaN above all finite.
inline constexpr std::uint32_t kMagnitudeMask = 0x7fffffffU;
inline constexpr std::uint32_t kInfinityBits = 0x7f800000U;
/// 65504, the largest half.
inline constexpr std::uint32_t kHalfMaxBits = 0x477fe000U;
/// 127 * 2^kInt8MaxExponent, past which int8 saturates.
inline constexpr std::uint32_t kInt8MaxBits =
    (static_cast<std::uint32_t>(core::kInt8MaxExponent + 6 + 127) << 23) | 0x7e0000U;

MURMUR_HD std::uint32_t magnitude_bits(float x) {
  return std::bit_cast<std::uint32_t>(x) & kMagnitudeMask;
}

/// 2^e, for e in -126 .. 127.
MURMUR_HD float power_of_two(int e) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(e + 127) << 23);
}

/// int8: the exponent of a block whose largest magnitude has these bits (finite): the least e with
/// max <= 127 * 2^e. 127 is 1.984375 * 2^6, and adding kCarry to the mantissa of anything above
/// 1.984375 carries into the exponent.
inline constexpr std::uint32_t kCarry = 0x7fffffU - 0x7e0000U;
MURMUR_HD int block_exponent(std::uint32_t max_bits) {
  const int e = static_cast<int>((max_bits + kCarry) >> 23) - 127 - 6;
  const int low = e < core::kInt8MinExponent ? core::kInt8MinExponent : e;
  return low > core::kInt8MaxExponent ? core::kInt8MaxExponent : low;
}

/// int8: stochastic rounding draws from a hash of (seed, pair index). Pair p is the elements
/// 32 * (p / 16) + p % 16 and the one 16 further on; the first takes the hash's low half.
struct RoundingKey {
  std::uint32_t first, second;
};
MURMUR_HD RoundingKey rounding_key(std::uint64_t seed) {
  const std::uint64_t key = core::mix64(seed);
  return {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
}
/// Wellons's lowbias32 with the key's second half let in between its rounds.
inline constexpr std::uint32_t kHashFirst = 0x7feb352dU;
inline constexpr std::uint32_t kHashSecond = 0x846ca68bU;
MURMUR_HD std::uint32_t rounding_hash(RoundingKey key, std::uint32_t pair) {
  std::uint32_t h = pair + key.first;
  h = (h ^ (h >> 16)) * kHashFirst;
  h = ((h ^ (h >> 15)) + key.second) * kHashSecond;
  return h ^ (h >> 16);
}
MURMUR_HD std::uint32_t rounding_bits(RoundingKey key, std::size_t element) {
  const auto pair = static_cast<std::uint32_t>((element >> 5) * 16 + (element & 15));
  const std::uint32_t h = rounding_hash(key, pair);
  return (element & 16) != 0 ? h >> 16 : h & 0xffffU;
}

/// int8: d / 2^e rounded up with the probability of its fraction, of which 16 bits count.
/// `down` is 2^-e.
MURMUR_HD int quantise(float d, float down, std::uint32_t bits) {
  constexpr float kLimit = 127.0F * 65536.0F;  // reached only beyond kInt8MaxBits
  float v = d * down * 65536.0F;
  v = v < -kLimit ? -kLimit : v;
  v = v > kLimit ? kLimit : v;
  // Ties to the even.
  return (static_cast<std::int32_t>(rintf(v)) + static_cast<std::int32_t>(bits)) >> 16;
}

}  // namespace murmur::gpu::codec
