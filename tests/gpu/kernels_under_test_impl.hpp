// KernelsUnderTest for the backend that this is compiled for.
#pragma once

#include "gpu/shared/backend.hpp"
#include "gpu/shared/codec.hpp"
#include "gpu/shared/exchange.hpp"
#include "gpu/shared/mix.hpp"
#include "kernels_under_test.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// A vector in the backend's memory for as long as a call takes; at an odd multiple of the element
/// size, as shards and tensors may be.
template <class T>
class OnBackend {
 public:
  OnBackend(Context& context, const T* from, std::size_t n)
      : context_(context), buffer_(context, n + 1), n_(n) {
    upload(context_, data(), from, n_);
  }
  T* data() { return buffer_.data() + 1; }
  void back(T* to) { download(context_, to, data(), n_); }

 private:
  Context& context_;
  Buffer<T> buffer_;
  std::size_t n_;
};

class BackendUnderTest final : public test::KernelsUnderTest {
 public:
  BackendUnderTest(std::string name, std::unique_ptr<Context> context)
      : name_(std::move(name)),
        context_(std::move(context)),
        exchange_(*context_),
        codec_(*context_) {}

  std::string name() const override { return name_; }
  core::Codec offer(const test::Floats& x, core::Codec codec, core::Bytes& out) override {
    Floats on(*context_, x.data(), x.size());
    return exchange_.offer(on.data(), x.size(), codec, out);
  }
  core::Result<core::MixStats> respond(test::Floats& x, core::Codec offer_codec,
                                       core::ByteView offer, core::Codec& codec, std::uint64_t seed,
                                       float weight, core::Bytes& out) override {
    Floats on(*context_, x.data(), x.size());
    auto stats =
        exchange_.respond(on.data(), x.size(), offer_codec, offer, codec, seed, weight, out);
    on.back(x.data());
    return stats;
  }
  core::Result<core::MixStats> absorb(test::Floats& x, core::Codec codec, core::ByteView q,
                                      float weight) override {
    Floats on(*context_, x.data(), x.size());
    auto stats = exchange_.absorb(on.data(), x.size(), codec, q, weight);
    on.back(x.data());
    return stats;
  }
  core::Bytes encode(const test::Floats& x, core::Codec codec, std::uint64_t seed) override {
    core::Bytes bytes(core::encoded_size(codec, x.size()));
    Floats on(*context_, x.data(), x.size());
    Buffer<std::byte> out(*context_, bytes.size());
    codec_.encode(on.data(), x.size(), codec, seed, out.data());
    download(*context_, bytes.data(), out.data(), bytes.size());
    return bytes;
  }
  double add(test::Floats& x, core::Codec codec, core::ByteView q, float weight) override {
    Floats on(*context_, x.data(), x.size());
    Buffer<std::byte> in(*context_, q.size());
    upload(*context_, in.data(), q.data(), q.size());
    const Sums sums = codec_.add(on.data(), x.size(), codec, in.data(), weight);
    on.back(x.data());
    return sums.squares;
  }
  void mix(test::Floats& x, const test::Floats& q, float weight) override {
    Floats on(*context_, x.data(), x.size());
    Floats from(*context_, q.data(), q.size());
    MURMUR_BACKEND::mix(*context_, on.data(), from.data(), x.size(), weight);
    on.back(x.data());
  }
  void gemm(const Product& p, const test::Floats& a, const test::Floats& b,
            test::Floats& c) override {
    Floats on_a(*context_, a.data(), a.size());
    Floats on_b(*context_, b.data(), b.size());
    Floats on_c(*context_, c.data(), c.size());
    MURMUR_BACKEND::gemm(*context_, p, on_a.data(), on_b.data(), on_c.data());
    on_c.back(c.data());
  }

 private:
  using Floats = OnBackend<float>;
  std::string name_;
  std::unique_ptr<Context> context_;
  ExchangeKernels exchange_;
  CodecKernels codec_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
