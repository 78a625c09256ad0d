// ExchangeKernels on top of CodecKernels and Staging (the backend's staging.hpp, included
// first), written once for both backends. Looking at everything before changing anything is
// what lets an Error leave the parameters as they were.
#pragma once

#include <algorithm>
#include <cmath>

#include "gpu/shared/codec.hpp"
#include "gpu/shared/exchange.hpp"
#include "gpu/shared/exchange_checks.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

struct ExchangeKernels::Scratch {
  explicit Scratch(Context& context) : kernels(context), staging(context) {}

  /// Of x that was `seen`, to which `weight` times what was `added` has been added or from which it
  /// was taken. Ordinary differences are small; only after others x is looked at again.
  core::MixStats stats(const Sums& seen, const Sums& added, double weight, const float* x,
                       std::size_t n, core::Codec codec, const std::byte* q) {
    core::MixStats stats{.distance = std::sqrt(added.squares), .norm = std::sqrt(seen.squares)};
    if (2 * stats.distance > stats.norm) {
      // |x + v|^2 from |x|^2, |v|^2 and |x + w v|^2, where v is q or -q.
      const double after = kernels.inspect(x, n, codec, q).squares;
      const double twice_dot = (after - seen.squares - weight * weight * added.squares) / weight;
      stats.theirs = std::sqrt(std::max(0.0, seen.squares + twice_dot + added.squares));
    }
    return stats;
  }

  CodecKernels kernels;
  Staging staging;
};

ExchangeKernels::ExchangeKernels(Context& context)
    : context_(context), scratch_(std::make_unique<Scratch>(context)) {}
ExchangeKernels::~ExchangeKernels() = default;

core::Codec ExchangeKernels::offer(const float* x, std::size_t n, core::Codec codec,
                                   core::Bytes& out) {
  context_.activate();
  // An offer moves no mass, so its rounding needs no seed of its own.
  constexpr std::uint64_t kSeed = 0;
  for (;;) {
    out.resize(core::encoded_size(codec, n));
    std::byte* const bytes = scratch_->staging.out(out);
    const Sums sums = scratch_->kernels.encode(x, n, codec, kSeed, bytes);
    if (within_reach(codec, sums.wire_max)) break;
    codec = core::Codec::kFp32;
  }
  scratch_->staging.finish(out);
  return codec;
}

core::Result<core::MixStats> ExchangeKernels::respond(float* x, std::size_t n,
                                                      core::Codec offer_codec, core::ByteView offer,
                                                      core::Codec& codec, std::uint64_t seed,
                                                      float weight, core::Bytes& out) {
  context_.activate();
  out.clear();
  if (auto size = check_size("offer", offer_codec, n, offer); !size) {
    return tl::make_unexpected(size.error());
  }
  const std::byte* const in = scratch_->staging.in(offer);
  core::Codec used = codec;
  std::byte* q = nullptr;
  Sums seen;
  for (;;) {
    out.resize(core::encoded_size(used, n));
    q = scratch_->staging.out(out);
    seen = scratch_->kernels.difference(x, n, offer_codec, in, used, seed, q);
    if (auto finite = check_finite("offer", seen.own_max, seen.wire_max, weight); !finite) {
      out.clear();
      return tl::make_unexpected(finite.error());
    }
    if (within_reach(used, seen.wire_max)) break;
    used = core::Codec::kFp32;
  }
  const Sums added = scratch_->kernels.add(x, n, used, q, weight);
  const core::MixStats stats = scratch_->stats(seen, added, weight, x, n, used, q);
  scratch_->staging.finish(out);
  codec = used;
  return stats;
}

core::Result<core::MixStats> ExchangeKernels::absorb(float* x, std::size_t n, core::Codec codec,
                                                     core::ByteView q, float weight) {
  context_.activate();
  if (auto size = check_size("transfer", codec, n, q); !size) {
    return tl::make_unexpected(size.error());
  }
  const std::byte* const in = scratch_->staging.in(q);
  const Sums seen = scratch_->kernels.inspect(x, n, codec, in);
  if (auto finite = check_finite("transfer", seen.own_max, seen.wire_max, weight); !finite) {
    return tl::make_unexpected(finite.error());
  }
  const Sums added = scratch_->kernels.add(x, n, codec, in, -weight);
  return scratch_->stats(seen, added, weight, x, n, codec, in);
}

}  // namespace murmur::gpu::MURMUR_BACKEND
