// Vectors of 16 lanes on whatever registers the target has: one of AVX-512, two of AVX2, four of
// SSE2 or NEON; the same lanes and the same order of every sum on all of them. Arithmetic is the
// compiler's own (its vector types); conversions between sizes are intrinsics, because GCC 12 takes
// those element by element, as it does whole vectors that are wider than a register.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include <math.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace murmur::gpu::host::simd {

inline constexpr std::size_t kLanes = 16;
#if defined(__AVX512F__)
inline constexpr std::size_t kWidth = 16;
#elif defined(__AVX2__)
inline constexpr std::size_t kWidth = 8;
#else
inline constexpr std::size_t kWidth = 4;
#endif
#define MURMUR_SIMD [[gnu::always_inline]] inline

template <class T>
struct RegisterOf {
  typedef T type __attribute__((vector_size(kWidth * 4)));
};
template <class T>
using Register = typename RegisterOf<T>::type;

/// A register, or two halves: members, not an array, because GCC keeps arrays in memory.
template <class T, std::size_t lanes>
struct Vector {
  using Half = Vector<T, lanes / 2>;
  Half low, high;
};
template <class T>
struct Vector<T, kWidth> {
  Register<T> whole;
};
using F32 = Vector<float, kLanes>;
using I32 = Vector<std::int32_t, kLanes>;
using U32 = Vector<std::uint32_t, kLanes>;
typedef std::int8_t I8 __attribute__((vector_size(16)));

template <class V>
struct Shape;
template <class T, std::size_t n>
struct Shape<Vector<T, n>> {
  using Lane = T;
  static constexpr std::size_t lanes = n;
};

/// A plain value: a register of bytes, say.
template <class V>
MURMUR_SIMD V load_plain(const void* from) {
  V v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
template <class V>
MURMUR_SIMD V load(const void* from) {
  if constexpr (Shape<V>::lanes == kWidth) {
    return {load_plain<Register<typename Shape<V>::Lane>>(from)};
  } else {
    using Half = typename V::Half;
    return {load<Half>(from), load<Half>(static_cast<const std::byte*>(from) + sizeof(Half))};
  }
}
template <class T, std::size_t n>
MURMUR_SIMD void store(void* to, const Vector<T, n>& v) {
  if constexpr (n == kWidth) {
    std::memcpy(to, &v.whole, sizeof v.whole);
  } else {
    store(to, v.low);
    store(static_cast<std::byte*>(to) + sizeof v.low, v.high);
  }
}

/// f(registers of v, ...), register by register.
template <class R, std::size_t n, class F, class T, class... More>
MURMUR_SIMD Vector<R, n> map(F&& f, const Vector<T, n>& v, const Vector<More, n>&... more) {
  if constexpr (n == kWidth) {
    return {f(v.whole, more.whole...)};
  } else {
    return {map<R, n / 2>(f, v.low, more.low...), map<R, n / 2>(f, v.high, more.high...)};
  }
}

#define MURMUR_SIMD_OPERATOR(op)                                                               \
  template <class T, std::size_t n>                                                            \
  MURMUR_SIMD Vector<T, n> operator op(const Vector<T, n>& a, const Vector<T, n>& b) {         \
    return map<T, n>([](const Register<T>& x, const Register<T>& y) { return x op y; }, a, b); \
  }                                                                                            \
  template <class T, std::size_t n>                                                            \
  MURMUR_SIMD Vector<T, n> operator op(const Vector<T, n>& a, std::type_identity_t<T> b) {     \
    return map<T, n>([b](const Register<T>& x) { return x op b; }, a);                         \
  }
MURMUR_SIMD_OPERATOR(+)
MURMUR_SIMD_OPERATOR(-)
MURMUR_SIMD_OPERATOR(*)
MURMUR_SIMD_OPERATOR(&)
MURMUR_SIMD_OPERATOR(|)
MURMUR_SIMD_OPERATOR(^)
#undef MURMUR_SIMD_OPERATOR

template <class T, std::size_t n>
MURMUR_SIMD Vector<T, n> operator>>(const Vector<T, n>& a, int by) {
  return map<T, n>([by](const Register<T>& x) { return x >> by; }, a);
}
template <class T, std::size_t n>
MURMUR_SIMD Vector<T, n> operator<<(const Vector<T, n>& a, int by) {
  return map<T, n>([by](const Register<T>& x) { return x << by; }, a);
}

template <class T>
MURMUR_SIMD Vector<T, kLanes> splat(T value) {
  return Vector<T, kLanes>{} + value;
}
/// a < b ? x : y, lane by lane.
template <class T, class V, std::size_t n>
MURMUR_SIMD Vector<V, n> select_less(const Vector<T, n>& a, const Vector<T, n>& b,
                                     const Vector<V, n>& x, const Vector<V, n>& y) {
  return map<V, n>([](const Register<T>& l, const Register<T>& r, const Register<V>& then,
                      const Register<V>& otherwise) { return l < r ? then : otherwise; },
                   a, b, x, y);
}
template <class T, std::size_t n>
MURMUR_SIMD Vector<T, n> max(const Vector<T, n>& a, const Vector<T, n>& b) {
  return select_less(a, b, b, a);
}

/// The same bits.
template <class To, class From, std::size_t n>
MURMUR_SIMD Vector<To, n> bits(const Vector<From, n>& v) {
  return map<To, n>([](const Register<From>& x) { return (Register<To>)x; }, v);
}
/// The same values, where the other type has them.
template <class To, class From, std::size_t n>
MURMUR_SIMD Vector<To, n> convert(const Vector<From, n>& v) {
  return map<To, n>(
      [](const Register<From>& x) { return __builtin_convertvector(x, Register<To>); }, v);
}

/// To the nearest integer, ties to the even.
MURMUR_SIMD Register<std::int32_t> round_register(const Register<float>& v) {
#if defined(__AVX512F__)
  return (Register<std::int32_t>)_mm512_cvtps_epi32((__m512)v);
#elif defined(__AVX2__)
  return (Register<std::int32_t>)_mm256_cvtps_epi32((__m256)v);
#elif defined(__SSE2__)
  return (Register<std::int32_t>)_mm_cvtps_epi32((__m128)v);
#else
  Register<std::int32_t> r;
  for (std::size_t i = 0; i < kWidth; ++i) r[i] = static_cast<std::int32_t>(rintf(v[i]));
  return r;
#endif
}
template <std::size_t n>
MURMUR_SIMD Vector<std::int32_t, n> round(const Vector<float, n>& v) {
  return map<std::int32_t, n>([](const Register<float>& x) { return round_register(x); }, v);
}

/// The bits of |v|: no sign, so signed integers, which every target can compare.
MURMUR_SIMD I32 magnitude_bits(const F32& v) { return bits<std::int32_t>(v) & 0x7fffffff; }

/// The largest of lanes that are not negative.
MURMUR_SIMD std::uint32_t reduce_max(const I32& v) {
  // Down to four lanes by vectors: a chain of sixteen comparisons costs a block of int8 a third.
  typedef std::int32_t Four __attribute__((vector_size(16)));
  Four four[kLanes / 4];
  store(four, v);
  const Four low = four[0] > four[1] ? four[0] : four[1];
  const Four high = four[2] > four[3] ? four[2] : four[3];
  const Four m = low > high ? low : high;
  const std::int32_t a = m[0] > m[1] ? m[0] : m[1];
  const std::int32_t b = m[2] > m[3] ? m[2] : m[3];
  return static_cast<std::uint32_t>(a > b ? a : b);
}

MURMUR_SIMD I32 widen(const I8& v) {
#if defined(__AVX512F__)
  return {(Register<std::int32_t>)_mm512_cvtepi8_epi32((__m128i)v)};
#elif defined(__AVX2__)
  return {{(Register<std::int32_t>)_mm256_cvtepi8_epi32((__m128i)v)},
          {(Register<std::int32_t>)_mm256_cvtepi8_epi32(_mm_srli_si128((__m128i)v, 8))}};
#elif defined(__SSE2__)
  const __m128i low = _mm_unpacklo_epi8((__m128i)v, (__m128i)v);
  const __m128i high = _mm_unpackhi_epi8((__m128i)v, (__m128i)v);
  return I32{{{(Register<std::int32_t>)_mm_unpacklo_epi16(low, low)},
              {(Register<std::int32_t>)_mm_unpackhi_epi16(low, low)}},
             {{(Register<std::int32_t>)_mm_unpacklo_epi16(high, high)},
              {(Register<std::int32_t>)_mm_unpackhi_epi16(high, high)}}} >>
         24;
#else
  std::int32_t out[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i) out[i] = v[i];
  return load<I32>(out);
#endif
}

/// For values in -128 .. 127.
MURMUR_SIMD I8 narrow(const I32& v) {
#if defined(__AVX512F__)
  return (I8)_mm512_cvtepi32_epi8((__m512i)v.whole);
#elif defined(__AVX2__)
  const __m256i a = (__m256i)v.low.whole;
  const __m256i b = (__m256i)v.high.whole;
  return (I8)_mm_packs_epi16(
      _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1)),
      _mm_packs_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1)));
#elif defined(__SSE2__)
  return (I8)_mm_packs_epi16(
      _mm_packs_epi32((__m128i)v.low.low.whole, (__m128i)v.low.high.whole),
      _mm_packs_epi32((__m128i)v.high.low.whole, (__m128i)v.high.high.whole));
#else
  std::int32_t in[kLanes];
  store(in, v);
  I8 out;
  for (std::size_t i = 0; i < kLanes; ++i) out[i] = static_cast<std::int8_t>(in[i]);
  return out;
#endif
}

typedef double F64 __attribute__((vector_size(kWidth * 4)));

/// Sums of squares in double: no magnitude of float overflows or is lost.
template <std::size_t lanes>
struct SquaresOf {
  SquaresOf<lanes / 2> low, high;

  MURMUR_SIMD void add(const Vector<float, lanes>& v) {
    low.add(v.low);
    high.add(v.high);
  }
  /// Adds `scale` times sums that were taken in float.
  MURMUR_SIMD void add_sums(const Vector<float, lanes>& v, double scale) {
    low.add_sums(v.low, scale);
    high.add_sums(v.high, scale);
  }
  MURMUR_SIMD void store(double* lane) const {
    low.store(lane);
    high.store(lane + lanes / 2);
  }
};

template <>
struct SquaresOf<kWidth> {
  F64 low = {}, high = {};

  MURMUR_SIMD void add(const Vector<float, kWidth>& v) {
    const F64 a = low_half(v.whole);
    const F64 b = high_half(v.whole);
    low += a * a;
    high += b * b;
  }
  MURMUR_SIMD void add_sums(const Vector<float, kWidth>& v, double scale) {
    low += low_half(v.whole) * scale;
    high += high_half(v.whole) * scale;
  }
  MURMUR_SIMD void store(double* lane) const {
    std::memcpy(lane, &low, sizeof low);
    std::memcpy(lane + kWidth / 2, &high, sizeof high);
  }

 private:
#if defined(__AVX512F__)
  MURMUR_SIMD static F64 low_half(const Register<float>& v) {
    return (F64)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)v));
  }
  MURMUR_SIMD static F64 high_half(const Register<float>& v) {
    return (F64)_mm512_cvtps_pd(
        _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd((__m512)v), 1)));
  }
#elif defined(__AVX2__)
  MURMUR_SIMD static F64 low_half(const Register<float>& v) {
    return (F64)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)v));
  }
  MURMUR_SIMD static F64 high_half(const Register<float>& v) {
    return (F64)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)v, 1));
  }
#else
  MURMUR_SIMD static F64 low_half(const Register<float>& v) { return F64{v[0], v[1]}; }
  MURMUR_SIMD static F64 high_half(const Register<float>& v) { return F64{v[2], v[3]}; }
#endif
};

using Squares = SquaresOf<kLanes>;
/// In the same order on every target.
inline double total(const Squares& squares) {
  double lane[kLanes];
  squares.store(lane);
  for (std::size_t width = kLanes / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) lane[i] += lane[i + width];
  }
  return lane[0];
}

/// Writes binary16, rounded to nearest even; for |v| < 65536.
MURMUR_SIMD void store_halves(void* to, const F32& v) {
#if defined(__AVX512F__)
  const __m256i halves = _mm512_cvtps_ph((__m512)v.whole, _MM_FROUND_TO_NEAREST_INT);
  std::memcpy(to, &halves, sizeof halves);
#elif defined(__AVX2__) && defined(__F16C__)
  const __m128i low = _mm256_cvtps_ph((__m256)v.low.whole, _MM_FROUND_TO_NEAREST_INT);
  const __m128i high = _mm256_cvtps_ph((__m256)v.high.whole, _MM_FROUND_TO_NEAREST_INT);
  std::memcpy(to, &low, sizeof low);
  std::memcpy(static_cast<std::byte*>(to) + sizeof low, &high, sizeof high);
#else
  const U32 magnitude = bits<std::uint32_t>(magnitude_bits(v));
  const U32 sign = (bits<std::uint32_t>(v) >> 16) & 0x8000U;
  // A half below 2^-14 is a multiple of 2^-24: adding 0.5 rounds to one, in the low bits.
  const U32 small = bits<std::uint32_t>(bits<float>(magnitude) + 0.5F) - 0x3f000000U;
  // Otherwise rebias the exponent by 112 and round off 13 bits of mantissa.
  const U32 odd = (magnitude >> 13) & 1U;
  const U32 normal = (magnitude - (112U << 23) + 0xfffU + odd) >> 13;
  const U32 half =
      select_less(bits<std::int32_t>(magnitude), splat<std::int32_t>(113 << 23), small, normal) |
      sign;
  std::uint32_t wide[kLanes];
  store(wide, half);
  std::uint16_t out[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i) out[i] = static_cast<std::uint16_t>(wide[i]);
  std::memcpy(to, out, sizeof out);
#endif
}

MURMUR_SIMD F32 load_halves(const void* from) {
#if defined(__AVX512F__)
  return {(Register<float>)_mm512_cvtph_ps(load_plain<__m256i>(from))};
#elif defined(__AVX2__) && defined(__F16C__)
  const auto* bytes = static_cast<const std::byte*>(from);
  return {{(Register<float>)_mm256_cvtph_ps(load_plain<__m128i>(bytes))},
          {(Register<float>)_mm256_cvtph_ps(load_plain<__m128i>(bytes + 16))}};
#else
  std::uint16_t in[kLanes];
  std::memcpy(in, from, sizeof in);
  std::uint32_t out[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i) out[i] = in[i];
  const U32 wide = load<U32>(out);
  const U32 magnitude = wide & 0x7fffU;
  const F32 scaled = bits<float>(magnitude << 13) * 0x1p112F;  // exact, denormals too
  const U32 special = select_less(splat<std::int32_t>(0x7bff), bits<std::int32_t>(magnitude),
                                  splat(0x7f800000U), U32{});
  return bits<float>(bits<std::uint32_t>(scaled) | special | ((wide & 0x8000U) << 16));
#endif
}

}  // namespace murmur::gpu::host::simd
