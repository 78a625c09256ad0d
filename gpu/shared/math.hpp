// Functions of one float that a loop over an array can compute a vector at a time (the standard
// library's are a call each), the same on both backends.
//
// Thread rule: pure functions.
#pragma once

#include <bit>
#include <cstdint>

#include "gpu/shared/hd.hpp"

namespace murmur::gpu {

/// Within 2e-7 of exp(x), relatively; 0 below -87, e^88 above 88.
MURMUR_HD float fast_exp(float x) {
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F;  // with so few bits that a product with n is exact
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it leaves the nearest integer
  const float low = x < -87.0F ? -87.0F : x;
  const float bounded = low > 88.0F ? 88.0F : low;
  const float shifted = bounded * kLog2E + kRound;
  const float n = shifted - kRound;
  const float r = bounded - n * kLn2High - n * kLn2Low;
  // The series of exp, to the seventh power.
  float p = 1.0F / 5040.0F;
  p = p * r + 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  const std::uint32_t exponent =
      std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(kRound) + 127U;
  const float scale = std::bit_cast<float>(exponent << 23);
  return x < -87.0F ? 0.0F : p * scale;
}

/// Within 4e-7 of the error function: a fraction of two polynomials on [-4, 4] (the coefficients
/// are Eigen's), past which it is 1 as far as a float can tell.
MURMUR_HD float fast_erf(float x) {
  const float low = x < -4.0F ? -4.0F : x;
  const float t = low > 4.0F ? 4.0F : low;
  const float s = t * t;
  float p = -2.72614225801306e-10F;
  p = p * s + 2.77068142495902e-08F;
  p = p * s + -2.10102402082508e-06F;
  p = p * s + -5.69250639462346e-05F;
  p = p * s + -7.34990630326855e-04F;
  p = p * s + -2.95459980854025e-03F;
  p = p * s + -1.60960333262415e-02F;
  float q = -1.45660718464996e-05F;
  q = q * s + -2.13374055278905e-04F;
  q = q * s + -1.68282697438203e-03F;
  q = q * s + -7.37332916720468e-03F;
  q = q * s + -1.42647390514189e-02F;
  return t * p / q;
}

}  // namespace murmur::gpu
