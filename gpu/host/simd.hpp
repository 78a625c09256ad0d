// Vectors of 16 floats in the compiler's own vector types: AVX-512, AVX2, SSE2 or what else the
// target has, the same lanes and the same order of every sum on all of them. Conversions between
// sizes need intrinsics where speed is wanted, because GCC 12 takes them element by element.
#pragma once

#if defined(__AVX512F__) || defined(__AVX2__) || defined(__F16C__)
#include <immintrin.h>
#endif

#include <cstdint>
#include <cstring>

namespace murmur::gpu::host::simd {

inline constexpr std::size_t kLanes = 16;

typedef float F32 __attribute__((vector_size(64)));
typedef std::int32_t I32 __attribute__((vector_size(64)));
typedef std::uint32_t U32 __attribute__((vector_size(64)));
typedef std::int8_t I8 __attribute__((vector_size(16)));
typedef std::uint16_t U16 __attribute__((vector_size(32)));
typedef float F32x8 __attribute__((vector_size(32)));
typedef double F64 __attribute__((vector_size(64)));

#define MURMUR_SIMD [[gnu::always_inline]] inline

template <class V>
MURMUR_SIMD V load(const void* from) {
  V v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
template <class V>
MURMUR_SIMD void store(void* to, const V& v) {
  std::memcpy(to, &v, sizeof v);
}
template <class To, class From>
MURMUR_SIMD To bits(const From& v) {
  static_assert(sizeof(To) == sizeof(From));
  return load<To>(&v);
}
template <class To, class From>
MURMUR_SIMD To convert(const From& v) {
  return __builtin_convertvector(v, To);
}

/// The halves of a vector, as doubles.
struct Doubles {
  F64 low, high;
};
MURMUR_SIMD Doubles widen(const F32& v) {
  F32x8 halves[2];
  std::memcpy(halves, &v, sizeof halves);
#if defined(__AVX512F__)
  return {bits<F64>(_mm512_cvtps_pd(bits<__m256>(halves[0]))),
          bits<F64>(_mm512_cvtps_pd(bits<__m256>(halves[1])))};
#else
  return {convert<F64>(halves[0]), convert<F64>(halves[1])};
#endif
}

MURMUR_SIMD I32 widen(const I8& v) {
#if defined(__AVX512F__)
  return bits<I32>(_mm512_cvtepi8_epi32(bits<__m128i>(v)));
#elif defined(__AVX2__)
  const __m128i low = bits<__m128i>(v);
  const __m256i out[2] = {_mm256_cvtepi8_epi32(low), _mm256_cvtepi8_epi32(_mm_srli_si128(low, 8))};
  return load<I32>(out);
#else
  I32 out;
  for (std::size_t i = 0; i < kLanes; ++i) out[i] = v[i];
  return out;
#endif
}

/// For values in -128 .. 127.
MURMUR_SIMD I8 narrow(const I32& v) {
#if defined(__AVX512F__)
  return bits<I8>(_mm512_cvtepi32_epi8(bits<__m512i>(v)));
#elif defined(__AVX2__)
  __m128i in[4];
  std::memcpy(in, &v, sizeof in);
  return bits<I8>(_mm_packs_epi16(_mm_packs_epi32(in[0], in[1]), _mm_packs_epi32(in[2], in[3])));
#else
  I8 out;
  for (std::size_t i = 0; i < kLanes; ++i) out[i] = static_cast<std::int8_t>(v[i]);
  return out;
#endif
}

MURMUR_SIMD U32 magnitude_bits(const F32& v) { return bits<U32>(v) & 0x7fffffffU; }
MURMUR_SIMD U32 max(const U32& a, const U32& b) { return a > b ? a : b; }

MURMUR_SIMD std::uint32_t reduce_max(const U32& v) {
  std::uint32_t m = 0;
  for (std::size_t i = 0; i < kLanes; ++i) m = v[i] > m ? v[i] : m;
  return m;
}
MURMUR_SIMD double reduce_add(const F64& v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/// Sums of squares in double: no magnitude of float overflows or is lost.
struct Squares {
  F64 low = {}, high = {};

  MURMUR_SIMD void add(const F32& v) {
    const Doubles d = widen(v);
    low += d.low * d.low;
    high += d.high * d.high;
  }
  /// Adds `scale` times sums that were taken in float.
  MURMUR_SIMD void add_sums(const F32& sums, double scale) {
    const Doubles d = widen(sums);
    low += d.low * scale;
    high += d.high * scale;
  }
  MURMUR_SIMD double total() const { return reduce_add(low + high); }
};

/// binary16, rounded to nearest even; for |v| < 65536.
MURMUR_SIMD U16 to_half(const F32& v) {
#if defined(__AVX512F__)
  return bits<U16>(_mm512_cvtps_ph(bits<__m512>(v), _MM_FROUND_TO_NEAREST_INT));
#elif defined(__F16C__)
  __m256 in[2];
  std::memcpy(in, &v, sizeof in);
  const __m128i out[2] = {_mm256_cvtps_ph(in[0], _MM_FROUND_TO_NEAREST_INT),
                          _mm256_cvtps_ph(in[1], _MM_FROUND_TO_NEAREST_INT)};
  return load<U16>(out);
#else
  const U32 magnitude = magnitude_bits(v);
  const U32 sign = (bits<U32>(v) >> 16) & 0x8000U;
  // A half below 2^-14 is a multiple of 2^-24: adding 0.5 rounds to one, in the low bits.
  const U32 small = bits<U32>(bits<F32>(magnitude) + 0.5F) - 0x3f000000U;
  // Otherwise rebias the exponent by 112 and round off 13 bits of mantissa.
  const U32 odd = (magnitude >> 13) & 1U;
  const U32 normal = (magnitude - (112U << 23) + 0xfffU + odd) >> 13;
  return convert<U16>((magnitude < (113U << 23) ? small : normal) | sign);
#endif
}

MURMUR_SIMD F32 from_half(const U16& h) {
#if defined(__AVX512F__)
  return bits<F32>(_mm512_cvtph_ps(bits<__m256i>(h)));
#elif defined(__F16C__)
  __m128i in[2];
  std::memcpy(in, &h, sizeof in);
  const __m256 out[2] = {_mm256_cvtph_ps(in[0]), _mm256_cvtph_ps(in[1])};
  return load<F32>(out);
#else
  const U32 wide = convert<U32>(h);
  const F32 scaled = bits<F32>((wide & 0x7fffU) << 13) * 0x1p112F;  // exact, denormals too
  const U32 special = (wide & 0x7c00U) == 0x7c00U ? U32{} + 0x7f800000U : U32{};
  return bits<F32>(bits<U32>(scaled) | special | ((wide & 0x8000U) << 16));
#endif
}

}  // namespace murmur::gpu::host::simd
