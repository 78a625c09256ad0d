// An exchange's two sides: mass is conserved, and what is refused changes nothing.
#include <cstring>
#include <limits>

#include "../catch.hpp"
#include "reference.hpp"

namespace murmur::gpu::test {
namespace {

using core::Codec;

constexpr Codec kCodecs[] = {Codec::kFp32, Codec::kFp16, Codec::kInt8};
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kMax = std::numeric_limits<float>::max();

core::Bytes as_bytes(const Floats& x) {
  core::Bytes bytes(4 * x.size());
  if (!x.empty()) std::memcpy(bytes.data(), x.data(), bytes.size());
  return bytes;
}

bool same(const Floats& a, const Floats& b) { return as_bytes(a) == as_bytes(b); }

double largest_drift_of_sums(const Floats& a, const Floats& b, const Floats& c, const Floats& d) {
  double drift = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double scale = std::abs(a[i]) + std::abs(b[i]) + std::abs(c[i]) + std::abs(d[i]) + 1e-30;
    drift = std::max(drift, std::abs((double{a[i]} + b[i]) - (double{c[i]} + d[i])) / scale);
  }
  return drift;
}

TEST_CASE("an exchange conserves each element's sum, whatever the codecs and the size",
          "[exchange]") {
  for (const auto& kernels : kernels_under_test()) {
    for (const std::size_t n : {1, 255, 256, 257, 100'003, 1'000'003}) {
      for (const Codec offer_codec : kCodecs) {
        for (const Codec transfer_codec : kCodecs) {
          CAPTURE(kernels->name(), n, to_string(offer_codec), to_string(transfer_codec));
          const Floats a = random_floats(n, 1, 4);
          const Floats b = random_floats(n, 2, 4);
          core::Bytes offer;
          REQUIRE(kernels->offer(a, offer_codec, offer) == offer_codec);
          REQUIRE(offer.size() == core::encoded_size(offer_codec, n));

          Floats b_after = b;
          Codec codec = transfer_codec;
          core::Bytes q;
          const auto responded = kernels->respond(b_after, offer_codec, offer, codec, 77, 0.5F, q);
          REQUIRE(responded.has_value());
          REQUIRE(codec == transfer_codec);
          REQUIRE(q.size() == core::encoded_size(codec, n));
          Floats a_after = a;
          const auto absorbed = kernels->absorb(a_after, codec, q, 0.5F);
          REQUIRE(absorbed.has_value());

          REQUIRE(largest_drift_of_sums(a, b, a_after, b_after) < 1e-7);
          const Floats applied = decode(codec, q, n);
          REQUIRE(responded->norm == Approx(norm(b)).epsilon(1e-6));
          REQUIRE(absorbed->norm == Approx(norm(a)).epsilon(1e-6));
          REQUIRE(responded->distance == Approx(norm(applied)).epsilon(1e-6));
          REQUIRE(absorbed->distance == Approx(norm(applied)).epsilon(1e-6));
        }
      }
    }
  }
}

TEST_CASE("each side measures the other's size where they are far from each other", "[exchange]") {
  constexpr std::size_t kSize = 100'003;
  for (const auto& kernels : kernels_under_test()) {
    for (const Codec codec : kCodecs) {
      for (const float times : {1.05F, 3.0F, 50.0F}) {
        CAPTURE(kernels->name(), to_string(codec), times);
        Floats a = random_floats(kSize, 1);
        Floats b = a;
        for (float& value : a) value *= times;
        const double larger = norm(a);
        const double smaller = norm(b);
        core::Bytes offer;
        kernels->offer(a, codec == Codec::kInt8 ? Codec::kFp16 : codec, offer);
        Codec used = codec;
        core::Bytes q;
        const auto responded = kernels->respond(b, codec == Codec::kInt8 ? Codec::kFp16 : codec,
                                                offer, used, 77, 0.3F, q);
        const auto absorbed = kernels->absorb(a, used, q, 0.3F);
        REQUIRE(responded.has_value());
        REQUIRE(absorbed.has_value());
        CHECK(responded->theirs.has_value() == (times > 2));
        CHECK(absorbed->theirs.has_value() == (times > 2));
        if (times < 2) continue;
        CHECK(*responded->theirs == Approx(larger).epsilon(0.01));
        CHECK(*absorbed->theirs == Approx(smaller).margin(0.01 * larger));
      }
    }
  }
}

TEST_CASE("the transfer holds the reference's difference", "[exchange]") {
  for (const auto& kernels : kernels_under_test()) {
    for (const Codec offer_codec : kCodecs) {
      CAPTURE(kernels->name(), to_string(offer_codec));
      const std::size_t n = 20'001;
      core::Bytes offer;
      kernels->offer(random_floats(n, 1), offer_codec, offer);
      const Floats decoded = decode(offer_codec, offer, n);
      const Floats x = random_floats(n, 2);
      Floats d(n);
      for (std::size_t i = 0; i < n; ++i) d[i] = decoded[i] - x[i];
      for (const Codec transfer_codec : kCodecs) {
        Floats after = x;
        Codec codec = transfer_codec;
        core::Bytes q;
        REQUIRE(kernels->respond(after, offer_codec, offer, codec, 31, 0.5F, q).has_value());
        REQUIRE(q == kernels->encode(d, transfer_codec, 31));
      }
    }
  }
}

TEST_CASE("half the difference brings both sides to their mean", "[exchange]") {
  for (const auto& kernels : kernels_under_test()) {
    CAPTURE(kernels->name());
    Floats a = random_floats(5000, 1);
    Floats b = random_floats(5000, 2);
    Floats mean(5000);
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] = (a[i] + b[i]) / 2;
    core::Bytes offer;
    core::Bytes q;
    kernels->offer(a, Codec::kFp32, offer);
    Codec codec = Codec::kFp32;
    REQUIRE(kernels->respond(b, Codec::kFp32, offer, codec, 0, 0.5F, q).has_value());
    REQUIRE(kernels->absorb(a, codec, q, 0.5F).has_value());
    for (std::size_t i = 0; i < mean.size(); ++i) {
      REQUIRE(a[i] == Approx(mean[i]).margin(1e-6));
      REQUIRE(b[i] == Approx(mean[i]).margin(1e-6));
    }
  }
}

TEST_CASE("what is past a codec's reach goes as fp32", "[exchange]") {
  for (const auto& kernels : kernels_under_test()) {
    for (const std::size_t at : {0U, 255U, 1023U, 1024U, 20'000U}) {
      CAPTURE(kernels->name(), at);
      Floats x = random_floats(20'001, 9);
      core::Bytes out;
      x[at] = -65504.0F;
      REQUIRE(kernels->offer(x, Codec::kFp16, out) == Codec::kFp16);
      x[at] = std::nextafter(65504.0F, kMax);
      REQUIRE(kernels->offer(x, Codec::kFp16, out) == Codec::kFp32);
      REQUIRE(out == as_bytes(x));
      x[at] = kNan;
      REQUIRE(kernels->offer(x, Codec::kFp16, out) == Codec::kFp32);
      REQUIRE(kernels->offer(x, Codec::kInt8, out) == Codec::kFp32);

      Floats own(x.size(), 0.0F);
      x[at] = 70000.0F;
      Codec codec = Codec::kFp16;
      REQUIRE(kernels->respond(own, Codec::kFp32, as_bytes(x), codec, 1, 0.5F, out).has_value());
      REQUIRE(codec == Codec::kFp32);
      REQUIRE(out == as_bytes(x));
      REQUIRE(own[at] == 35000.0F);
    }
  }
}

TEST_CASE("an offer that is not finite is refused and changes nothing", "[exchange]") {
  for (const auto& kernels : kernels_under_test()) {
    for (const float bad : {kNan, kInfinity, -kInfinity}) {
      for (const std::size_t at : {0U, 300U, 99'999U, 100'000U}) {
        for (const Codec transfer_codec : kCodecs) {
          CAPTURE(kernels->name(), bad, at, to_string(transfer_codec));
          const Floats x = random_floats(100'001, 1);
          Floats theirs = random_floats(100'001, 2);
          theirs[at] = bad;
          Floats after = x;
          Codec codec = transfer_codec;
          core::Bytes q(3);
          const auto answer =
              kernels->respond(after, Codec::kFp32, as_bytes(theirs), codec, 1, 0.5F, q);
          REQUIRE_FALSE(answer.has_value());
          REQUIRE(answer.error().message.find("not finite") != std::string::npos);
          REQUIRE(same(after, x));
          REQUIRE(codec == transfer_codec);
          REQUIRE(q.empty());
        }
        Floats after = random_floats(100'001, 3);
        const Floats x = after;
        Floats theirs(100'001, 1.0F);
        theirs[at] = bad;
        REQUIRE_FALSE(kernels->absorb(after, Codec::kFp32, as_bytes(theirs), 0.5F).has_value());
        REQUIRE(same(after, x));
      }
    }
  }
}

TEST_CASE("a half that is not finite, and int8 outside its format, are refused", "[exchange]") {
  for (const auto& kernels : kernels_under_test()) {
    CAPTURE(kernels->name());
    const Floats x = random_floats(1000, 1);
    const auto refuses = [&](Codec codec, std::size_t byte, std::uint8_t value) {
      core::Bytes payload = kernels->encode(random_floats(1000, 2), codec, 3);
      Floats after = x;
      REQUIRE(kernels->absorb(after, codec, payload, 0.0F).has_value());
      payload[byte] = std::byte{value};
      after = x;
      Codec used = Codec::kInt8;
      core::Bytes q;
      REQUIRE_FALSE(kernels->absorb(after, codec, payload, 0.5F).has_value());
      REQUIRE(same(after, x));
      REQUIRE_FALSE(kernels->respond(after, codec, payload, used, 1, 0.5F, q).has_value());
      REQUIRE(same(after, x));
    };
    for (const std::size_t element : {0U, 511U, 999U}) {
      refuses(Codec::kFp16, 2 * element + 1, 0x7c);  // infinity or NaN
      refuses(Codec::kFp16, 2 * element + 1, 0xfe);
      refuses(Codec::kInt8, element, 0x80);  // -128
    }
    for (const std::size_t block : {0U, 3U}) {
      refuses(Codec::kInt8, 1000 + block, 121);
      refuses(Codec::kInt8, 1000 + block, static_cast<std::uint8_t>(-121));
      refuses(Codec::kInt8, 1000 + block, 127);
    }
  }
}

TEST_CASE("own parameters that are not finite are never mixed", "[exchange]") {
  for (const auto& kernels : kernels_under_test()) {
    for (const float bad : {kNan, kInfinity}) {
      CAPTURE(kernels->name(), bad);
      Floats x = random_floats(3000, 1);
      x[2999] = bad;
      Floats after = x;
      Codec codec = Codec::kInt8;
      core::Bytes q;
      const core::Bytes theirs = as_bytes(Floats(3000, 1.0F));
      REQUIRE_FALSE(kernels->respond(after, Codec::kFp32, theirs, codec, 1, 0.5F, q).has_value());
      REQUIRE(same(after, x));
      REQUIRE_FALSE(kernels->absorb(after, Codec::kFp32, theirs, 0.5F).has_value());
      REQUIRE(same(after, x));
    }
  }
}

TEST_CASE("finite values whose mixture would overflow are refused", "[exchange]") {
  for (const auto& kernels : kernels_under_test()) {
    CAPTURE(kernels->name());
    const Floats x(700, kMax * 0.75F);
    Floats after = x;
    Codec codec = Codec::kInt8;
    core::Bytes q;
    const core::Bytes opposite = as_bytes(Floats(700, -kMax * 0.75F));
    REQUIRE_FALSE(kernels->respond(after, Codec::kFp32, opposite, codec, 1, 0.5F, q).has_value());
    REQUIRE_FALSE(kernels->absorb(after, Codec::kFp32, opposite, 0.5F).has_value());
    REQUIRE_FALSE(kernels->absorb(after, Codec::kFp32, opposite, kNan).has_value());
    REQUIRE(same(after, x));
  }
}

TEST_CASE("a payload of the wrong size is refused with both sizes", "[exchange]") {
  for (const auto& kernels : kernels_under_test()) {
    for (const Codec codec : kCodecs) {
      CAPTURE(kernels->name(), to_string(codec));
      const Floats x = random_floats(300, 1);
      const std::size_t right = core::encoded_size(codec, 300);
      for (const std::size_t size : {std::size_t{0}, right - 1, right + 1}) {
        Floats after = x;
        Codec used = Codec::kInt8;
        core::Bytes q;
        const core::Bytes payload(size, std::byte{0});
        const auto absorbed = kernels->absorb(after, codec, payload, 0.5F);
        REQUIRE_FALSE(absorbed.has_value());
        REQUIRE(absorbed.error().message.find(std::to_string(right) + " B") != std::string::npos);
        REQUIRE_FALSE(kernels->respond(after, codec, payload, used, 1, 0.5F, q).has_value());
        REQUIRE(same(after, x));
      }
    }
  }
}

TEST_CASE("equal replicas exchange nothing", "[exchange]") {
  for (const auto& kernels : kernels_under_test()) {
    CAPTURE(kernels->name());
    Floats x = random_floats(1000, 1);
    const Floats before = x;
    core::Bytes offer;
    core::Bytes q;
    kernels->offer(x, Codec::kFp32, offer);
    Codec codec = Codec::kInt8;
    const auto stats = kernels->respond(x, Codec::kFp32, offer, codec, 1, 0.5F, q);
    REQUIRE(stats.has_value());
    REQUIRE(stats->distance == 0.0);
    REQUIRE(same(x, before));
  }
}

}  // namespace
}  // namespace murmur::gpu::test
