#include "gpu/shared/exchange_checks.hpp"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>

#include "gpu/shared/codec_math.hpp"

namespace murmur::gpu {

bool within_reach(core::Codec codec, std::uint32_t max_bits) {
  switch (codec) {
    case core::Codec::kFp32:
      return true;
    case core::Codec::kFp16:
      return max_bits <= codec::kHalfMaxBits;
    case core::Codec::kInt8:
      return max_bits < codec::kInfinityBits;
  }
  return false;
}

core::Result<void> check_size(const char* what, core::Codec codec, std::size_t n,
                              core::ByteView bytes) {
  const std::size_t expected = core::encoded_size(codec, n);
  if (bytes.size() == expected) return {};
  return core::fail(fmt::format("{}: {} B, but {} parameters as {} take {} B", what, bytes.size(),
                                n, core::to_string(codec), expected));
}

core::Result<void> check_finite(const char* what, std::uint32_t own_max, std::uint32_t wire_max,
                                float weight) {
  if (own_max >= codec::kInfinityBits) {
    return core::fail("own parameters: a value is not finite");
  }
  if (wire_max >= codec::kInfinityBits) {
    return core::fail(fmt::format("{}: a value is not finite, or breaks the codec's format", what));
  }
  // int8 rounds up by one step at most, less than 1/63 of the largest value or 2^-120.
  const double q = 1.02 * double{std::bit_cast<float>(wire_max)} + 0x1p-119;
  const double reach = double{std::bit_cast<float>(own_max)} + std::abs(double{weight}) * q;
  if (!(reach < double{std::numeric_limits<float>::max()})) {
    return core::fail(fmt::format("{}: values of {:.3g} weighted {:.3g} overflow the parameters",
                                  what, q, weight));
  }
  return {};
}

}  // namespace murmur::gpu
