// The codecs as passes over backend memory. Each pass also takes the sums and maxima that an
// exchange needs, so that it reads the parameters no more often than it must. On the CPU it is
// shared out over the Context's threads in parts of fixed size: results do not depend on them.
//
// Thread rule: the Context's. Synchronous: the pass has completed on return.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/codec.hpp"
#include "gpu/shared/backend.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// What a pass saw; each pass says which fields it fills. Maxima are of magnitudes, as the bits of
/// a float: finite iff below codec::kInfinityBits.
struct Sums {
  double squares = 0;
  std::uint32_t own_max = 0;
  std::uint32_t wire_max = 0;
};

class CodecKernels {
 public:
  /// `context` outlives it.
  explicit CodecKernels(Context& context);
  ~CodecKernels();
  CodecKernels(const CodecKernels&) = delete;
  CodecKernels& operator=(const CodecKernels&) = delete;

  /// out = encode(x). wire_max is of x. The bytes are meaningful only if the codec reaches so far.
  Sums encode(const float* x, std::size_t n, core::Codec codec, std::uint64_t seed, std::byte* out);

  /// out = encode(decode(offer) - x), as far as the codec reaches. squares and own_max are of x,
  /// wire_max of the difference; it is past infinity where the offer breaks its byte format.
  Sums difference(const float* x, std::size_t n, core::Codec offer_codec, const std::byte* offer,
                  core::Codec codec, std::uint64_t seed, std::byte* out);

  /// Looks before adding: squares and own_max are of x, wire_max of decode(q) (as above).
  Sums inspect(const float* x, std::size_t n, core::Codec codec, const std::byte* q);

  /// x += weight * decode(q). squares is of decode(q).
  Sums add(float* x, std::size_t n, core::Codec codec, const std::byte* q, float weight);

 private:
  struct Scratch;
  Context& context_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
