// The codec passes for CUDA: a warp takes a block of 256 elements, each lane every 32nd, so that
// all accesses coalesce. Sums are taken in a fixed order.
#include <cuda_fp16.h>

#include <algorithm>

#include "gpu/shared/codec.hpp"
#include "gpu/shared/codec_math.hpp"

namespace murmur::gpu::cuda {
namespace {

using core::Codec;

constexpr unsigned kWarp = 32;
constexpr unsigned kThreads = 256;
constexpr unsigned kWarps = kThreads / kWarp;
constexpr unsigned kGridPerMultiprocessor = 8;
constexpr std::size_t kBlock = core::kInt8Block;
constexpr unsigned kPerLane = kBlock / kWarp;
constexpr unsigned kAll = 0xffffffffU;
/// wire_max of a payload that breaks its format.
constexpr std::uint32_t kMalformed = codec::kMagnitudeMask;

__device__ void take(Sums& into, const Sums& other) {
  into.squares += other.squares;
  into.own_max = max(into.own_max, other.own_max);
  into.wire_max = max(into.wire_max, other.wire_max);
}

/// The sum over a thread block, for its first thread.
__device__ Sums sum_of_block(Sums mine) {
  for (unsigned apart = kWarp / 2; apart > 0; apart /= 2) {
    Sums other;
    other.squares = __shfl_down_sync(kAll, mine.squares, apart);
    other.own_max = __shfl_down_sync(kAll, mine.own_max, apart);
    other.wire_max = __shfl_down_sync(kAll, mine.wire_max, apart);
    take(mine, other);
  }
  // Bytes, because shared variables may not have initialisers.
  __shared__ alignas(Sums) unsigned char memory[kWarps * sizeof(Sums)];
  Sums* const warps = reinterpret_cast<Sums*>(memory);
  if (threadIdx.x % kWarp == 0) warps[threadIdx.x / kWarp] = mine;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (unsigned i = 1; i < kWarps; ++i) take(mine, warps[i]);
  }
  return mine;
}

__global__ void fold_kernel(const Sums* parts, unsigned count, Sums* result) {
  Sums mine;
  for (unsigned i = threadIdx.x; i < count; i += kThreads) take(mine, parts[i]);
  mine = sum_of_block(mine);
  if (threadIdx.x == 0) *result = mine;
}

/// A payload of `n` elements, to read from.
struct Payload {
  Codec codec;
  const std::byte* bytes;
  std::size_t n;

  /// The exponent of an int8 block; another codec's is 0.
  __device__ int exponent(std::size_t block) const {
    return codec == Codec::kInt8 ? static_cast<std::int8_t>(bytes[n + block]) : 0;
  }
  __device__ static bool in_range(int exponent) {
    return exponent >= core::kInt8MinExponent && exponent <= core::kInt8MaxExponent;
  }
  __device__ static float scale(int exponent) {
    return codec::power_of_two(max(core::kInt8MinExponent, min(exponent, core::kInt8MaxExponent)));
  }
  /// Element i in units of its block's scale; clears `well_formed` where the format has no such.
  __device__ float unit(std::size_t i, bool& well_formed) const {
    switch (codec) {
      case Codec::kFp32:
        return reinterpret_cast<const float*>(bytes)[i];
      case Codec::kFp16:
        return __half2float(reinterpret_cast<const __half*>(bytes)[i]);
      case Codec::kInt8:
        break;
    }
    const auto q = static_cast<std::int8_t>(bytes[i]);
    if (q == -128) well_formed = false;
    return static_cast<float>(q);
  }
};

struct EncodeJob {
  Codec codec;
  codec::RoundingKey key;
  std::byte* payload;
  std::size_t n;
};

__device__ void encode_block(const EncodeJob& job, std::size_t block, const float (&d)[kPerLane],
                             std::uint32_t max_bits, unsigned lane) {
  const int exponent = codec::block_exponent(min(max_bits, codec::kInfinityBits - 1));
  const float down = codec::power_of_two(-exponent);
  if (job.codec == Codec::kInt8 && lane == 0) {
    job.payload[job.n + block] = static_cast<std::byte>(exponent);
  }
#pragma unroll
  for (unsigned k = 0; k < kPerLane; ++k) {
    const std::size_t i = block * kBlock + k * kWarp + lane;
    if (i >= job.n) return;
    switch (job.codec) {
      case Codec::kFp32:
        reinterpret_cast<float*>(job.payload)[i] = d[k];
        break;
      case Codec::kFp16:
        reinterpret_cast<__half*>(job.payload)[i] = __float2half_rn(d[k]);
        break;
      case Codec::kInt8:
        job.payload[i] =
            static_cast<std::byte>(codec::quantise(d[k], down, codec::rounding_bits(job.key, i)));
        break;
    }
  }
}

/// encode() where there is no offer, difference() where there is.
template <bool kDifference>
__global__ void encode_kernel(const float* x, Payload offer, EncodeJob job, Sums* parts) {
  const unsigned lane = threadIdx.x % kWarp;
  Sums sums;
  const std::size_t blocks = (job.n + kBlock - 1) / kBlock;
  for (std::size_t b = blockIdx.x * kWarps + threadIdx.x / kWarp; b < blocks;
       b += std::size_t{gridDim.x} * kWarps) {
    float d[kPerLane];
    std::uint32_t max_bits = 0;
    bool well_formed = true;
    float scale = 1;
    if constexpr (kDifference) {
      const int exponent = offer.exponent(b);
      well_formed = Payload::in_range(exponent);
      scale = Payload::scale(exponent);
    }
#pragma unroll
    for (unsigned k = 0; k < kPerLane; ++k) {
      const std::size_t i = b * kBlock + k * kWarp + lane;
      d[k] = 0;
      if (i >= job.n) continue;
      d[k] = x[i];
      if constexpr (kDifference) {
        sums.squares += double{d[k]} * double{d[k]};
        sums.own_max = max(sums.own_max, codec::magnitude_bits(d[k]));
        d[k] = __fsub_rn(__fmul_rn(offer.unit(i, well_formed), scale), d[k]);
      }
      max_bits = max(max_bits, codec::magnitude_bits(d[k]));
    }
    if (!well_formed) max_bits = kMalformed;
    max_bits = __reduce_max_sync(kAll, max_bits);
    sums.wire_max = max(sums.wire_max, max_bits);
    encode_block(job, b, d, max_bits, lane);
  }
  sums = sum_of_block(sums);
  if (threadIdx.x == 0) parts[blockIdx.x] = sums;
}

/// A lane of the passes that go over a payload element by element: calls f(i, value).
template <class F>
__device__ bool for_each_value(const Payload& payload, F&& f) {
  bool well_formed = true;
  const std::size_t blocks = (payload.n + kBlock - 1) / kBlock;
  for (std::size_t b = blockIdx.x * kWarps + threadIdx.x / kWarp; b < blocks;
       b += std::size_t{gridDim.x} * kWarps) {
    const int exponent = payload.exponent(b);
    well_formed = well_formed && Payload::in_range(exponent);
    const float scale = Payload::scale(exponent);
#pragma unroll
    for (unsigned k = 0; k < kPerLane; ++k) {
      const std::size_t i = b * kBlock + k * kWarp + threadIdx.x % kWarp;
      if (i < payload.n) f(i, __fmul_rn(payload.unit(i, well_formed), scale));
    }
  }
  return well_formed;
}

__global__ void inspect_kernel(const float* x, Payload q, Sums* parts) {
  Sums sums;
  const bool well_formed = for_each_value(q, [&](std::size_t i, float value) {
    const float own = x[i];
    sums.squares += double{own} * double{own};
    sums.own_max = max(sums.own_max, codec::magnitude_bits(own));
    sums.wire_max = max(sums.wire_max, codec::magnitude_bits(value));
  });
  if (!well_formed) sums.wire_max = kMalformed;
  sums = sum_of_block(sums);
  if (threadIdx.x == 0) parts[blockIdx.x] = sums;
}

__global__ void add_kernel(float* x, Payload q, float weight, Sums* parts) {
  Sums sums;
  for_each_value(q, [&](std::size_t i, float value) {
    sums.squares += double{value} * double{value};
    // Rounded twice, as on the CPU: both sides of an exchange then apply the same change.
    x[i] = __fadd_rn(x[i], __fmul_rn(value, weight));
  });
  sums = sum_of_block(sums);
  if (threadIdx.x == 0) parts[blockIdx.x] = sums;
}

}  // namespace

struct CodecKernels::Scratch {
  explicit Scratch(Context& context)
      : grid_max(static_cast<unsigned>(context.multiprocessors()) * kGridPerMultiprocessor),
        parts(context, grid_max) {
    MURMUR_CUDA_CHECK(cudaMallocHost(reinterpret_cast<void**>(&result), sizeof(Sums)));
  }
  ~Scratch() { cudaFreeHost(result); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// Launches pass(grid, parts) and waits for its sums.
  template <class F>
  Sums run(Context& context, std::size_t n, F&& pass) {
    if (n == 0) return {};
    const std::size_t warps = (n + kBlock - 1) / kBlock;
    const auto grid =
        static_cast<unsigned>(std::min<std::size_t>(grid_max, (warps + kWarps - 1) / kWarps));
    pass(grid, parts.data());
    fold_kernel<<<1, kThreads, 0, context.stream()>>>(parts.data(), grid, result);
    MURMUR_CUDA_CHECK(cudaGetLastError());
    context.synchronize();
    return *result;
  }

  unsigned grid_max;
  Buffer<Sums> parts;
  Sums* result = nullptr;  ///< pinned, written by the device
};

CodecKernels::CodecKernels(Context& context)
    : context_(context), scratch_(std::make_unique<Scratch>(context)) {}
CodecKernels::~CodecKernels() = default;

Sums CodecKernels::encode(const float* x, std::size_t n, Codec codec, std::uint64_t seed,
                          std::byte* out) {
  const EncodeJob job{codec, codec::rounding_key(seed), out, n};
  return scratch_->run(context_, n, [&](unsigned grid, Sums* parts) {
    encode_kernel<false><<<grid, kThreads, 0, context_.stream()>>>(
        x, Payload{Codec::kFp32, nullptr, n}, job, parts);
  });
}

Sums CodecKernels::difference(const float* x, std::size_t n, Codec offer_codec,
                              const std::byte* offer, Codec codec, std::uint64_t seed,
                              std::byte* out) {
  const EncodeJob job{codec, codec::rounding_key(seed), out, n};
  return scratch_->run(context_, n, [&](unsigned grid, Sums* parts) {
    encode_kernel<true>
        <<<grid, kThreads, 0, context_.stream()>>>(x, Payload{offer_codec, offer, n}, job, parts);
  });
}

Sums CodecKernels::inspect(const float* x, std::size_t n, Codec codec, const std::byte* q) {
  return scratch_->run(context_, n, [&](unsigned grid, Sums* parts) {
    inspect_kernel<<<grid, kThreads, 0, context_.stream()>>>(x, Payload{codec, q, n}, parts);
  });
}

Sums CodecKernels::add(float* x, std::size_t n, Codec codec, const std::byte* q, float weight) {
  return scratch_->run(context_, n, [&](unsigned grid, Sums* parts) {
    add_kernel<<<grid, kThreads, 0, context_.stream()>>>(x, Payload{codec, q, n}, weight, parts);
  });
}

}  // namespace murmur::gpu::cuda

// ExchangeKernels too, because nvcc takes ten seconds for each further file.
#include "gpu/cuda/staging.hpp"
#include "gpu/shared/exchange_impl.hpp"
