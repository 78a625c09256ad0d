// The codecs' bytes: every kernel against the scalar reference, at the sizes where blocks, lanes
// and parts end.
#include <cstdio>
#include <cstring>
#include <limits>

#include "../catch.hpp"
#include "reference.hpp"

namespace murmur::gpu::test {
namespace {

using core::Codec;

constexpr std::size_t kSizes[] = {1, 15, 31, 32, 255, 256, 257, 4096, 16385, 250'003, 1'000'003};

/// Bit patterns, so that -0 differs from 0.
bool same(const Floats& a, const Floats& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), 4 * a.size()) == 0;
}

TEST_CASE("encoded bytes equal the scalar reference's at every size", "[codec]") {
  for (const auto& kernels : kernels_under_test()) {
    for (const std::size_t n : kSizes) {
      CAPTURE(kernels->name(), n);
      const Floats x = random_floats(n, 7);
      REQUIRE(kernels->encode(x, Codec::kInt8, 99) == encode_int8(x, 99));

      Floats halves = x;
      for (float& v : halves) v = rounded_to_half(v);
      REQUIRE(same(decode(Codec::kFp16, kernels->encode(x, Codec::kFp16, 0), n), halves));
      REQUIRE(same(decode(Codec::kFp32, kernels->encode(x, Codec::kFp32, 0), n), x));
    }
  }
}

TEST_CASE("the bytes of a known input never change", "[codec]") {
  // Peers of different builds exchange these; whoever changes them makes a new wire version.
  const Floats x = random_floats(1000, 1);
  for (const auto& kernels : kernels_under_test()) {
    CAPTURE(kernels->name());
    CHECK(core::crc32c(kernels->encode(x, Codec::kFp32, 0)) == 0xca5194c3U);
    CHECK(core::crc32c(kernels->encode(x, Codec::kFp16, 0)) == 0x87cf2e93U);
    CHECK(core::crc32c(kernels->encode(x, Codec::kInt8, 5)) == 0x5e663599U);
    const Floats few = {1.0F, -1.0F, 0.5F, 0.0F, 100.0F, -0.25F};
    const core::Bytes bytes = kernels->encode(few, Codec::kInt8, 1);
    const std::int8_t expected[] = {1, -1, 1, 0, 100, -1, 0};
    CHECK(std::memcmp(bytes.data(), expected, sizeof expected) == 0);
  }
}

TEST_CASE("every half decodes to its value, and encodes back to itself", "[codec]") {
  core::Bytes all(2 * 65536);
  for (std::uint32_t h = 0; h < 65536; ++h) {
    const bool special = (h & 0x7c00U) == 0x7c00U;
    const auto half = static_cast<std::uint16_t>(special ? 0 : h);
    std::memcpy(all.data() + std::size_t{2} * h, &half, 2);
  }
  const Floats values = decode(Codec::kFp16, all, 65536);
  for (const auto& kernels : kernels_under_test()) {
    CAPTURE(kernels->name());
    Floats x(65536, 0.0F);
    kernels->add(x, Codec::kFp16, all, 1.0F);
    for (std::size_t i = 0; i < x.size(); ++i) REQUIRE(x[i] == values[i]);
    REQUIRE(kernels->encode(values, Codec::kFp16, 0) == all);
  }
}

TEST_CASE("halves round to the nearest, ties to the even, denormals included", "[codec]") {
  Floats x;
  for (const float base :
       {0x1p-24F, 0x1p-20F, 0x1p-15F, 0x1p-14F, 0x1p-3F, 1.0F, 1000.0F, 64000.0F}) {
    for (int i = -40; i <= 40; ++i) {
      x.push_back(base * (1.0F + static_cast<float>(i) * 0x1p-13F));
      x.push_back(-base * (1.0F + static_cast<float>(i) * 0x1p-11F));
    }
  }
  for (const float tiny : {0x1p-25F, 0x1.8p-25F, 0x1p-26F, 0x1p-149F, 1e-40F}) {
    x.push_back(tiny);
    x.push_back(-tiny);
  }
  x.push_back(65504.0F);
  x.push_back(-65504.0F);
  Floats expected = x;
  for (float& v : expected) v = std::copysign(rounded_to_half(v), v);
  for (const auto& kernels : kernels_under_test()) {
    CAPTURE(kernels->name());
    const Floats got = decode(Codec::kFp16, kernels->encode(x, Codec::kFp16, 0), x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      CAPTURE(x[i]);
      REQUIRE(got[i] == expected[i]);
    }
  }
}

TEST_CASE("int8 covers float's whole range of magnitudes", "[codec]") {
  constexpr float kMax = std::numeric_limits<float>::max();
  for (const auto& kernels : kernels_under_test()) {
    for (const float magnitude :
         {1e-45F, 1e-40F, 1e-38F, 1e-30F, 1.0F, 126.9F, 127.0F, 127.1F, 1e30F, 1e38F, kMax}) {
      CAPTURE(kernels->name(), magnitude);
      Floats x = random_floats(300, 3);
      for (float& v : x) v *= magnitude;
      x[17] = magnitude;
      x[299] = -magnitude;
      const core::Bytes bytes = kernels->encode(x, Codec::kInt8, 11);
      REQUIRE(bytes == encode_int8(x, 11));
      const Floats back = decode(Codec::kInt8, bytes, x.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double step = std::ldexp(1.0, static_cast<std::int8_t>(bytes[300 + i / 256]));
        const double reach = 127 * step;
        REQUIRE(std::abs(std::clamp(double{x[i]}, -reach, reach) - back[i]) <= step);
      }
    }
  }
}

TEST_CASE("stochastic rounding is unbiased, and differs with the seed", "[codec]") {
  constexpr std::size_t kSize = 4096;
  constexpr int kRounds = 400;
  for (const auto& kernels : kernels_under_test()) {
    CAPTURE(kernels->name());
    // One element a block sets the step to 1; the rest sit at all fractions of it.
    Floats x(kSize);
    for (std::size_t i = 0; i < kSize; ++i) {
      x[i] = i % 256 == 0 ? 127.0F : static_cast<float>(i % 1024) / 256.0F - 2.0F;
    }
    std::vector<double> sum(kSize, 0.0);
    for (int round = 0; round < kRounds; ++round) {
      const core::Bytes bytes = kernels->encode(x, Codec::kInt8, static_cast<std::uint64_t>(round));
      for (std::size_t i = 0; i < kSize; ++i) sum[i] += static_cast<std::int8_t>(bytes[i]);
    }
    double bias = 0;
    for (std::size_t i = 0; i < kSize; ++i) {
      const double error = sum[i] / kRounds - x[i];
      bias += error;
      REQUIRE(std::abs(error) < 5.5 * 0.5 / std::sqrt(kRounds));  // of a deviation of at most 1/2
    }
    REQUIRE(std::abs(bias / kSize) < 5 * 0.5 / std::sqrt(double{kRounds} * kSize));
    REQUIRE(kernels->encode(x, Codec::kInt8, 1) != kernels->encode(x, Codec::kInt8, 2));
  }
}

TEST_CASE("the two elements of a pair, and neighbouring pairs, round independently", "[codec]") {
  // All at one half: each rounds up or down like a coin.
  Floats x(65536, 0.5F);
  for (std::size_t i = 0; i < x.size(); i += 256) x[i] = 127.0F;
  for (const auto& kernels : kernels_under_test()) {
    CAPTURE(kernels->name());
    const core::Bytes bytes = kernels->encode(x, Codec::kInt8, 42);
    for (const std::size_t apart : {1, 2, 15, 16, 32, 256}) {
      CAPTURE(apart);
      int agree = 0;
      int pairs = 0;
      for (std::size_t i = 0; i + apart < x.size(); ++i) {
        if (i % 256 == 0 || (i + apart) % 256 == 0) continue;
        agree += bytes[i] == bytes[i + apart] ? 1 : 0;
        ++pairs;
      }
      REQUIRE(std::abs(agree - pairs / 2.0) < 5 * 0.5 * std::sqrt(pairs));
    }
  }
}

TEST_CASE("decode-and-add equals the reference, and sums what it added", "[codec]") {
  for (const auto& kernels : kernels_under_test()) {
    for (const std::size_t n : kSizes) {
      for (const Codec codec : {Codec::kFp32, Codec::kFp16, Codec::kInt8}) {
        CAPTURE(kernels->name(), n, to_string(codec));
        const core::Bytes bytes = kernels->encode(random_floats(n, 4), codec, 8);
        const Floats q = decode(codec, bytes, n);
        const Floats before = random_floats(n, 5);
        Floats x = before;
        const double squares = kernels->add(x, codec, bytes, 0.375F);
        REQUIRE(std::sqrt(squares) == Approx(norm(q)).epsilon(1e-6));
        for (std::size_t i = 0; i < n; ++i) {
          const double exact = before[i] + 0.375 * double{q[i]};
          if (std::abs(x[i] - exact) > 1e-7 * (std::abs(before[i]) + std::abs(q[i]))) {
            CAPTURE(i, before[i], q[i]);
            REQUIRE(x[i] == Approx(exact));
          }
        }
      }
    }
  }
}

TEST_CASE("mixing in float equals the reference", "[codec]") {
  for (const auto& kernels : kernels_under_test()) {
    for (const std::size_t n : kSizes) {
      CAPTURE(kernels->name(), n);
      const Floats before = random_floats(n, 1);
      const Floats q = random_floats(n, 2);
      Floats x = before;
      kernels->mix(x, q, -0.7F);
      for (std::size_t i = 0; i < n; ++i) {
        const double exact = before[i] - double{0.7F} * double{q[i]};
        REQUIRE(std::abs(x[i] - exact) <= 1e-7 * (std::abs(before[i]) + std::abs(q[i])));
      }
    }
  }
}

}  // namespace
}  // namespace murmur::gpu::test
