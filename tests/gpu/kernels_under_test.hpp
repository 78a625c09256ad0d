// The kernels of one backend behind host memory, so that one suite tests every backend. The tests
// of a program run over whatever its kernels_under_test() answers: gpu_tests has the CPU with one
// thread and with several, gpu_cuda_tests the first CUDA device.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "core/codec.hpp"
#include "core/replica.hpp"
#include "gpu/shared/product.hpp"

namespace murmur::gpu::test {

using Floats = std::vector<float>;

class KernelsUnderTest {
 public:
  virtual ~KernelsUnderTest() = default;
  virtual std::string name() const = 0;
  virtual core::Codec offer(const Floats& x, core::Codec codec, core::Bytes& out) = 0;
  virtual core::Result<core::MixStats> respond(Floats& x, core::Codec offer_codec,
                                               core::ByteView offer, core::Codec& codec,
                                               std::uint64_t seed, float weight,
                                               core::Bytes& out) = 0;
  virtual core::Result<core::MixStats> absorb(Floats& x, core::Codec codec, core::ByteView q,
                                              float weight) = 0;
  /// The bare passes: x as `codec`, and x += weight * decode(q).
  virtual core::Bytes encode(const Floats& x, core::Codec codec, std::uint64_t seed) = 0;
  virtual double add(Floats& x, core::Codec codec, core::ByteView q, float weight) = 0;
  virtual void mix(Floats& x, const Floats& q, float weight) = 0;
  virtual void gemm(const Product& p, const Floats& a, const Floats& b, Floats& c) = 0;
};

std::vector<std::unique_ptr<KernelsUnderTest>>& kernels_under_test();

}  // namespace murmur::gpu::test
