// The kernels of an exchange over one shard: encode the own parameters, serve an offer, absorb a
// transfer. The semantics are core::Replica's (core/replica.hpp): an Error has changed nothing, and
// the same inputs and seed give the same bytes on either backend. `x` points into the backend's
// memory, payloads are in the host's.
//
// Thread rule: the Context's. Synchronous: all has completed on return.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/bytes.hpp"
#include "core/codec.hpp"
#include "core/replica.hpp"
#include "core/result.hpp"
#include "gpu/shared/backend.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

class ExchangeKernels {
 public:
  /// `context` outlives it.
  explicit ExchangeKernels(Context& context);
  ~ExchangeKernels();
  ExchangeKernels(const ExchangeKernels&) = delete;
  ExchangeKernels& operator=(const ExchangeKernels&) = delete;

  /// Encodes x[0, n) into `out`. Answers the codec used: fp32 where a value is past the reach of
  /// the one asked for (fp16: 65504; int8: what is not finite).
  core::Codec offer(const float* x, std::size_t n, core::Codec codec, core::Bytes& out);

  /// d = offer - x; `out` = q = encode(d); x += weight * decode(q). `codec` is updated to the one
  /// used. `out` is empty after an Error.
  core::Result<core::MixStats> respond(float* x, std::size_t n, core::Codec offer_codec,
                                       core::ByteView offer, core::Codec& codec, std::uint64_t seed,
                                       float weight, core::Bytes& out);

  /// x -= weight * decode(q).
  core::Result<core::MixStats> absorb(float* x, std::size_t n, core::Codec codec, core::ByteView q,
                                      float weight);

 private:
  struct Scratch;
  Context& context_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
