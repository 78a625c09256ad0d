// The codecs element by element, in double where that helps to be plainly right.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/bytes.hpp"
#include "core/rng.hpp"
#include "gpu/shared/codec_math.hpp"
#include "kernels_under_test.hpp"

namespace murmur::gpu::test {

/// The float nearest to x that binary16 holds, ties to the even; |x| <= 65504.
inline float rounded_to_half(float x) {
  if (x == 0) return x;
  const int exponent = std::max(std::ilogb(x), -14);
  const double unit = std::ldexp(1.0, exponent - 10);
  return static_cast<float>(std::nearbyint(x / unit) * unit);
}

inline float half_value(std::uint16_t h) {
  const int exponent = (h >> 10) & 31;
  const int mantissa = h & 1023;
  const double magnitude = exponent == 31  ? (mantissa != 0 ? NAN : INFINITY)
                           : exponent == 0 ? std::ldexp(mantissa, -24)
                                           : std::ldexp(1024 + mantissa, exponent - 25);
  return static_cast<float>((h & 0x8000) != 0 ? -magnitude : magnitude);
}

inline core::Bytes encode_int8(const Floats& x, std::uint64_t seed) {
  core::Bytes out(core::encoded_size(core::Codec::kInt8, x.size()));
  const codec::RoundingKey key = codec::rounding_key(seed);
  for (std::size_t begin = 0; begin < x.size(); begin += core::kInt8Block) {
    const std::size_t end = std::min(x.size(), begin + core::kInt8Block);
    double max = 0;
    for (std::size_t i = begin; i < end; ++i) max = std::max(max, std::abs(double{x[i]}));
    int exponent = core::kInt8MinExponent;
    while (exponent < core::kInt8MaxExponent && max > 127 * std::ldexp(1.0, exponent)) ++exponent;
    for (std::size_t i = begin; i < end; ++i) {
      const int q =
          codec::quantise(x[i], std::ldexp(1.0F, -exponent), codec::rounding_bits(key, i));
      out[i] = static_cast<std::byte>(q);
    }
    out[x.size() + begin / core::kInt8Block] = static_cast<std::byte>(exponent);
  }
  return out;
}

inline Floats decode(core::Codec codec, core::ByteView bytes, std::size_t n) {
  Floats out(n);
  for (std::size_t i = 0; i < n; ++i) {
    switch (codec) {
      case core::Codec::kFp32:
        std::memcpy(&out[i], bytes.data() + 4 * i, 4);
        break;
      case core::Codec::kFp16: {
        std::uint16_t h = 0;
        std::memcpy(&h, bytes.data() + 2 * i, 2);
        out[i] = half_value(h);
        break;
      }
      case core::Codec::kInt8:
        out[i] = static_cast<float>(
            std::ldexp(static_cast<std::int8_t>(bytes[i]),
                       static_cast<std::int8_t>(bytes[n + i / core::kInt8Block])));
        break;
    }
  }
  return out;
}

inline double norm(const Floats& x) {
  double sum = 0;
  for (const float v : x) sum += double{v} * double{v};
  return std::sqrt(sum);
}

/// Values of many magnitudes, both signs, some zeros.
inline Floats random_floats(std::size_t n, std::uint64_t seed, double scale = 1) {
  core::Rng rng(seed, n, "test values");
  Floats x(n);
  for (float& v : x) {
    const double magnitude = std::ldexp(1.0, -static_cast<int>(rng.below(17)));
    v = static_cast<float>((rng.uniform() - 0.5) * magnitude * scale);
    if (rng.below(50) == 0) v = 0;
  }
  return x;
}

}  // namespace murmur::gpu::test
