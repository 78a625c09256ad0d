// The codec passes for the CPU: blocks of 256 elements, 16 lanes at a time.
#include "gpu/shared/codec.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "gpu/host/simd.hpp"
#include "gpu/shared/codec_math.hpp"

namespace murmur::gpu::host {
namespace {

using core::Codec;
using simd::F32;
using simd::I32;
using simd::I8;
using simd::kLanes;
using simd::U32;

constexpr std::size_t kBlock = core::kInt8Block;
/// A part of a pass: 16384 elements, which stay in the first-level caches between its steps.
constexpr std::size_t kPartBlocks = 64;
/// wire_max of a payload that breaks its format.
constexpr std::uint32_t kMalformed = codec::kMagnitudeMask;

/// Reads one block of a payload, 16 elements at a time: an element is a unit times `scale`.
template <Codec codec>
struct BlockReader;

template <>
struct BlockReader<Codec::kFp32> {
  const std::byte* elements;
  BlockReader(const std::byte* block, const std::byte*) : elements(block) {}
  static constexpr float scale = 1;  // NOLINT(readability-identifier-naming): elsewhere it varies
  MURMUR_SIMD F32 read_unit(std::size_t i) { return simd::load<F32>(elements + 4 * i); }
  [[nodiscard]] bool well_formed() const { return true; }
};

template <>
struct BlockReader<Codec::kFp16> {
  const std::byte* elements;
  BlockReader(const std::byte* block, const std::byte*) : elements(block) {}
  static constexpr float scale = 1;  // NOLINT(readability-identifier-naming): elsewhere it varies
  MURMUR_SIMD F32 read_unit(std::size_t i) { return simd::load_halves(elements + 2 * i); }
  [[nodiscard]] bool well_formed() const { return true; }
};

template <>
struct BlockReader<Codec::kInt8> {
  const std::byte* elements;
  int exponent;
  float scale;
  I8 least = {};

  BlockReader(const std::byte* block, const std::byte* exponent_byte)
      : elements(block), exponent(static_cast<std::int8_t>(*exponent_byte)) {
    scale =
        codec::power_of_two(std::clamp(exponent, core::kInt8MinExponent, core::kInt8MaxExponent));
  }
  MURMUR_SIMD F32 read_unit(std::size_t i) {
    const I8 q = simd::load_plain<I8>(elements + i);
    least = q < least ? q : least;
    return simd::convert<float>(simd::widen(q));
  }
  /// After all of the block was read.
  [[nodiscard]] bool well_formed() const {
    std::int8_t low = 0;
    for (std::size_t i = 0; i < kLanes; ++i) low = std::min<std::int8_t>(low, least[i]);
    return low != -128 && exponent >= core::kInt8MinExponent && exponent <= core::kInt8MaxExponent;
  }
};

constexpr std::size_t element_size(Codec codec) {
  return codec == Codec::kFp32 ? 4 : codec == Codec::kFp16 ? 2 : 1;
}

/// One block of a payload that spans `n` elements. The last block may be short: it is worked on
/// in padded copies of itself, so that all loops run over whole blocks.
template <class Byte>
struct PayloadBlock {
  Byte* elements;
  Byte* exponent;

  PayloadBlock(Codec codec, Byte* payload, std::size_t n, std::size_t block)
      : elements(payload + block * kBlock * element_size(codec)),
        exponent(codec == Codec::kInt8 ? payload + n + block : nullptr) {}
};

MURMUR_SIMD void encode_fp16(const float* d, std::byte* out) {
  for (std::size_t i = 0; i < kBlock; i += kLanes) {
    simd::store_halves(out + 2 * i, simd::load<F32>(d + i));
  }
}

MURMUR_SIMD U32 rounding_hash(codec::RoundingKey key, const U32& pair) {
  U32 h = pair + key.first;
  h = (h ^ (h >> 16)) * codec::kHashFirst;
  h = ((h ^ (h >> 15)) + key.second) * codec::kHashSecond;
  return h ^ (h >> 16);
}

/// codec::quantise() for |d| <= 127 / 2^-e; `up` is 2^(16 - e).
MURMUR_SIMD I8 quantise(const F32& d, float up, const U32& random) {
  return simd::narrow((simd::round(d * up) + simd::bits<std::int32_t>(random)) >> 16);
}

MURMUR_SIMD void store_bytes(std::byte* to, const I8& v) { std::memcpy(to, &v, sizeof v); }

/// The ends of int8's range, done apart because they hardly ever happen: magnitudes past 1.6e38
/// saturate, and below 2^-111 the factor 2^(16 - e) is no float, so d takes 2^16 of it here.
[[gnu::noinline]] void bring_into_range(const float* d, float factor, float* out) {
  const float limit = 127 * codec::power_of_two(core::kInt8MaxExponent);
  for (std::size_t i = 0; i < kBlock; ++i) out[i] = std::clamp(d[i], -limit, limit) * factor;
}

MURMUR_SIMD void encode_int8(const float* d, std::uint32_t max_bits, std::size_t block,
                             codec::RoundingKey key, std::byte* out, std::byte* exponent_byte) {
  const int exponent = codec::block_exponent(std::min(max_bits, codec::kInfinityBits - 1));
  *exponent_byte = static_cast<std::byte>(exponent);
  constexpr int kLeastDirect = 16 - 127;
  const int apart = exponent < kLeastDirect ? 16 : 0;
  alignas(64) float in_range[kBlock];
  if (apart != 0 || max_bits > codec::kInt8MaxBits) {
    bring_into_range(d, codec::power_of_two(apart), in_range);
    d = in_range;
  }
  const float up = codec::power_of_two(16 - apart - exponent);
  static constexpr std::uint32_t kFirstPairs[] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                  8, 9, 10, 11, 12, 13, 14, 15};
  U32 pairs = simd::load<U32>(kFirstPairs) + static_cast<std::uint32_t>(block * (kBlock / 2));
  for (std::size_t i = 0; i < kBlock; i += 2 * kLanes) {
    const U32 h = rounding_hash(key, pairs);
    store_bytes(out + i, quantise(simd::load<F32>(d + i), up, h & 0xffffU));
    store_bytes(out + i + kLanes, quantise(simd::load<F32>(d + i + kLanes), up, h >> 16));
    pairs = pairs + std::uint32_t{kLanes};
  }
}

struct EncodeJob {
  Codec codec;
  codec::RoundingKey key;
  std::byte* payload;
  std::size_t n;
};

/// Writes block `block` of the payload from d[0, 256), whose largest magnitude is `max_bits`.
MURMUR_SIMD void encode_block(const EncodeJob& job, std::size_t block, const float* d,
                              std::uint32_t max_bits) {
  const PayloadBlock<std::byte> to(job.codec, job.payload, job.n, block);
  const std::size_t size = std::min(kBlock, job.n - block * kBlock);
  alignas(64) std::byte padded[kBlock * 4];
  std::byte* const elements = size == kBlock ? to.elements : padded;
  switch (job.codec) {
    case Codec::kFp32:
      std::memcpy(to.elements, d, 4 * size);
      return;
    case Codec::kFp16:
      encode_fp16(d, elements);
      break;
    case Codec::kInt8:
      encode_int8(d, max_bits, block, job.key, elements, to.exponent);
      break;
  }
  if (size != kBlock) std::memcpy(to.elements, padded, size * element_size(job.codec));
}

/// A block of the own parameters, padded with zeros where it is the short last one.
struct OwnBlock {
  const float* values;
  alignas(64) float padded[kBlock];

  OwnBlock(const float* x, std::size_t n, std::size_t block) : values(x + block * kBlock) {
    const std::size_t size = std::min(kBlock, n - block * kBlock);
    if (size == kBlock) return;
    std::memcpy(padded, values, 4 * size);
    std::fill(padded + size, padded + kBlock, 0.0F);
    values = padded;
  }
};

/// The same for a block of an incoming payload.
struct WireBlock {
  PayloadBlock<const std::byte> from;
  alignas(64) std::byte padded[kBlock * 4];

  WireBlock(Codec codec, const std::byte* payload, std::size_t n, std::size_t block)
      : from(codec, payload, n, block) {
    const std::size_t size = std::min(kBlock, n - block * kBlock);
    if (size == kBlock) return;
    const std::size_t bytes = size * element_size(codec);
    std::memcpy(padded, from.elements, bytes);
    std::fill(padded + bytes, padded + sizeof padded, std::byte{0});
    from.elements = padded;
  }
};

/// Calls f with the codec as a template argument.
template <class F>
auto with_codec(Codec codec, F&& f) {
  switch (codec) {
    case Codec::kFp16:
      return f.template operator()<Codec::kFp16>();
    case Codec::kInt8:
      return f.template operator()<Codec::kInt8>();
    case Codec::kFp32:
      break;
  }
  return f.template operator()<Codec::kFp32>();
}

struct Blocks {
  std::size_t begin, end;
};

MURMUR_SIMD I32 max_of_block(const float* values) {
  I32 max = {};
  for (std::size_t i = 0; i < kBlock; i += kLanes) {
    max = simd::max(max, simd::magnitude_bits(simd::load<F32>(values + i)));
  }
  return max;
}

template <Codec codec>
Sums encode_part(const Blocks& blocks, const float* x, const EncodeJob& job) {
  // A block of int8 waits long for its maximum, so a few are taken ahead; the other codecs need
  // none to encode.
  constexpr bool kNeedsMax = codec == Codec::kInt8;
  constexpr std::size_t kAhead = kNeedsMax ? 8 : 1;
  I32 part_max = {};
  for (std::size_t first = blocks.begin; first < blocks.end; first += kAhead) {
    const std::size_t end = std::min(blocks.end, first + kAhead);
    I32 max[kAhead];
    for (std::size_t b = first; b < end; ++b) {
      max[b - first] = max_of_block(OwnBlock(x, job.n, b).values);
      part_max = simd::max(part_max, max[b - first]);
    }
    for (std::size_t b = first; b < end; ++b) {
      encode_block(job, b, OwnBlock(x, job.n, b).values,
                   kNeedsMax ? simd::reduce_max(max[b - first]) : 0);
    }
  }
  return {.squares = 0, .own_max = 0, .wire_max = simd::reduce_max(part_max)};
}

template <Codec offer_codec>
Sums difference_part(const Blocks& blocks, const float* x, const std::byte* offer,
                     const EncodeJob& job) {
  I32 own_max = {};
  std::uint32_t wire_max = 0;
  simd::Squares squares;
  alignas(64) float d[kBlock];
  for (std::size_t b = blocks.begin; b < blocks.end; ++b) {
    const OwnBlock own(x, job.n, b);
    const WireBlock wire(offer_codec, offer, job.n, b);
    BlockReader<offer_codec> reader(wire.from.elements, wire.from.exponent);
    I32 max = {};
    for (std::size_t i = 0; i < kBlock; i += kLanes) {
      const F32 value = simd::load<F32>(own.values + i);
      const F32 difference = reader.read_unit(i) * reader.scale - value;
      simd::store(d + i, difference);
      own_max = simd::max(own_max, simd::magnitude_bits(value));
      max = simd::max(max, simd::magnitude_bits(difference));
      squares.add(value);
    }
    const std::uint32_t block_max = reader.well_formed() ? simd::reduce_max(max) : kMalformed;
    wire_max = std::max(wire_max, block_max);
    encode_block(job, b, d, block_max);
  }
  return {
      .squares = simd::total(squares), .own_max = simd::reduce_max(own_max), .wire_max = wire_max};
}

template <Codec codec>
Sums inspect_part(const Blocks& blocks, const float* x, std::size_t n, const std::byte* q) {
  I32 own_max = {};
  I32 wire_max = {};
  bool well_formed = true;
  simd::Squares squares;
  for (std::size_t b = blocks.begin; b < blocks.end; ++b) {
    const OwnBlock own(x, n, b);
    const WireBlock wire(codec, q, n, b);
    BlockReader<codec> reader(wire.from.elements, wire.from.exponent);
    for (std::size_t i = 0; i < kBlock; i += kLanes) {
      const F32 value = simd::load<F32>(own.values + i);
      own_max = simd::max(own_max, simd::magnitude_bits(value));
      wire_max = simd::max(wire_max, simd::magnitude_bits(reader.read_unit(i) * reader.scale));
      squares.add(value);
    }
    well_formed = well_formed && reader.well_formed();
  }
  return {.squares = simd::total(squares),
          .own_max = simd::reduce_max(own_max),
          .wire_max = well_formed ? simd::reduce_max(wire_max) : kMalformed};
}

template <Codec codec>
MURMUR_SIMD void add_block(BlockReader<codec>& reader, float* x, float weight,
                           simd::Squares& squares) {
  // The squares of halves fit a float; those of int8's units, at most 256 * 127^2, are exact in it.
  F32 sums = {};
  for (std::size_t i = 0; i < kBlock; i += kLanes) {
    const F32 unit = reader.read_unit(i);
    simd::store(x + i, simd::load<F32>(x + i) + unit * reader.scale * weight);
    if constexpr (codec == Codec::kFp32) {
      squares.add(unit);
    } else {
      sums = sums + unit * unit;
    }
  }
  if constexpr (codec != Codec::kFp32) {
    squares.add_sums(sums, double{reader.scale} * double{reader.scale});
  }
}

template <Codec codec>
Sums add_part(const Blocks& blocks, float* x, std::size_t n, const std::byte* q, float weight) {
  simd::Squares squares;
  for (std::size_t b = blocks.begin; b < blocks.end; ++b) {
    const WireBlock wire(codec, q, n, b);
    BlockReader<codec> reader(wire.from.elements, wire.from.exponent);
    const std::size_t size = std::min(kBlock, n - b * kBlock);
    if (size == kBlock) {
      add_block<codec>(reader, x + b * kBlock, weight, squares);
    } else {
      OwnBlock own(x, n, b);
      add_block<codec>(reader, own.padded, weight, squares);
      std::memcpy(x + b * kBlock, own.padded, 4 * size);
    }
  }
  return {.squares = simd::total(squares), .own_max = 0, .wire_max = 0};
}

}  // namespace

struct CodecKernels::Scratch {
  std::vector<Sums> parts;

  /// Sums up pass(blocks) over all parts, in their order.
  template <class F>
  Sums run(Context& context, std::size_t n, F&& pass) {
    const std::size_t blocks = (n + kBlock - 1) / kBlock;
    parts.resize((blocks + kPartBlocks - 1) / kPartBlocks);
    const auto run_part = [&](std::size_t i) {
      parts[i] = pass(Blocks{i * kPartBlocks, std::min(blocks, (i + 1) * kPartBlocks)});
    };
    if (n < Context::kParallelMin) {
      for (std::size_t i = 0; i < parts.size(); ++i) run_part(i);
    } else {
      context.for_each_task(parts.size(), run_part);
    }
    Sums all;
    for (const Sums& part : parts) {
      all.squares += part.squares;
      all.own_max = std::max(all.own_max, part.own_max);
      all.wire_max = std::max(all.wire_max, part.wire_max);
    }
    return all;
  }
};

CodecKernels::CodecKernels(Context& context)
    : context_(context), scratch_(std::make_unique<Scratch>()) {}
CodecKernels::~CodecKernels() = default;

Sums CodecKernels::encode(const float* x, std::size_t n, Codec codec, std::uint64_t seed,
                          std::byte* out) {
  const EncodeJob job{codec, codec::rounding_key(seed), out, n};
  return with_codec(codec, [&]<Codec kCodec>() {
    return scratch_->run(context_, n,
                         [&](const Blocks& blocks) { return encode_part<kCodec>(blocks, x, job); });
  });
}

Sums CodecKernels::difference(const float* x, std::size_t n, Codec offer_codec,
                              const std::byte* offer, Codec codec, std::uint64_t seed,
                              std::byte* out) {
  const EncodeJob job{codec, codec::rounding_key(seed), out, n};
  return with_codec(offer_codec, [&]<Codec kOffer>() {
    return scratch_->run(context_, n, [&](const Blocks& blocks) {
      return difference_part<kOffer>(blocks, x, offer, job);
    });
  });
}

Sums CodecKernels::inspect(const float* x, std::size_t n, Codec codec, const std::byte* q) {
  return with_codec(codec, [&]<Codec kCodec>() {
    return scratch_->run(
        context_, n, [&](const Blocks& blocks) { return inspect_part<kCodec>(blocks, x, n, q); });
  });
}

Sums CodecKernels::add(float* x, std::size_t n, Codec codec, const std::byte* q, float weight) {
  return with_codec(codec, [&]<Codec kCodec>() {
    return scratch_->run(context_, n, [&](const Blocks& blocks) {
      return add_part<kCodec>(blocks, x, n, q, weight);
    });
  });
}

}  // namespace murmur::gpu::host
