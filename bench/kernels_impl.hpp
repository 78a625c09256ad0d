// The kernels' benchmark, compiled for either backend: bytes moved per second against a plain copy
// loop. All kernels take one turn a round and the medians over the rounds are compared, so that
// a machine which slows down slows all of them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "core/codec.hpp"
#include "core/schema.hpp"
#include "gpu/shared/backend.hpp"
#include "gpu/shared/codec.hpp"
#include "gpu/shared/exchange.hpp"
#include "gpu/shared/mix.hpp"

namespace murmur::bench::MURMUR_BACKEND {

namespace backend = gpu::MURMUR_BACKEND;
using core::Codec;

struct CopyElement {
  float* to;
  const float* from;
  MURMUR_HD void operator()(std::size_t i) const { to[i] = from[i]; }
};
struct WaveElement {
  float* to;
  MURMUR_HD void operator()(std::size_t i) const {
    to[i] = static_cast<float>(static_cast<int>(i * 2654435761U % 20001U) - 10000) * 1e-4F;
  }
};

struct Kernel {
  std::string name;
  double bytes;     ///< counted per element
  double required;  ///< times the copy's rate; 0: none
  std::function<void()> run;
  std::vector<double> seconds;
};

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Runs all in turn, `rounds` times, after one round to warm up.
inline void measure(backend::Context& context, std::vector<Kernel>& kernels, int rounds) {
  using Clock = std::chrono::steady_clock;
  for (int round = -1; round < rounds; ++round) {
    for (Kernel& kernel : kernels) {
      context.synchronize();
      const Clock::time_point start = Clock::now();
      kernel.run();
      context.synchronize();
      if (round < 0) continue;
      kernel.seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    }
  }
}

/// Passes over `n` elements. Answers whether each reached its required rate; the rates are the
/// CPU's, so on a GPU they are not `judged`.
inline bool passes(backend::Context& context, std::size_t n, int rounds, bool judged) {
  backend::Buffer<float> x(context, n);
  backend::Buffer<float> y(context, n);
  backend::Buffer<std::byte> halves(context, core::encoded_size(Codec::kFp16, n));
  backend::Buffer<std::byte> bytes(context, core::encoded_size(Codec::kInt8, n));
  backend::for_each_index(context, n, WaveElement{x.data()});
  backend::for_each_index(context, n, WaveElement{y.data()});
  backend::CodecKernels codec(context);
  std::uint64_t seed = 1;
  // A weight this small keeps x in range over all the rounds.
  constexpr float kWeight = 1e-3F;

  std::vector<Kernel> kernels;
  const auto add = [&](std::string name, double moved, double required, std::function<void()> run) {
    kernels.push_back({std::move(name), moved, required, std::move(run), {}});
  };
  add("plain copy loop", 8, 0, [&] {
    backend::for_each_index(context, n, CopyElement{y.data(), x.data()});
  });
  add("mix (x += w*q)", 12, 1.3, [&] { backend::mix(context, x.data(), y.data(), n, kWeight); });
  add("fp16 encode", 6, 0.8, [&] { codec.encode(x.data(), n, Codec::kFp16, seed, halves.data()); });
  add("fp16 decode-and-mix", 10, 1.2,
      [&] { codec.add(x.data(), n, Codec::kFp16, halves.data(), kWeight); });
  add("int8 encode", 5, 0.5,
      [&] { codec.encode(x.data(), n, Codec::kInt8, ++seed, bytes.data()); });
  add("int8 decode-and-add", 9, 1.3,
      [&] { codec.add(x.data(), n, Codec::kInt8, bytes.data(), kWeight); });
  measure(context, kernels, rounds);

  bool reached = true;
  const double copy_rate = kernels[0].bytes * static_cast<double>(n) / median(kernels[0].seconds);
  std::printf("%-22s %8s %9s %9s %9s\n", "kernel", "B/float", "GB/s", "x copy", "required");
  for (const Kernel& kernel : kernels) {
    const double rate = kernel.bytes * static_cast<double>(n) / median(kernel.seconds);
    const bool missed = judged && rate / copy_rate < kernel.required;
    reached = reached && !missed;
    std::printf("%-22s %8.0f %9.2f %9.2f", kernel.name.c_str(), kernel.bytes, rate * 1e-9,
                rate / copy_rate);
    if (judged && kernel.required > 0) {
      std::printf(" %9.1f%s", kernel.required, missed ? "  MISSED" : "");
    }
    std::printf("\n");
  }
  return reached;
}

/// What an exchange computes on both sides, for `n` parameters in the usual shards.
inline void exchange(backend::Context& context, std::size_t n, int rounds) {
  constexpr std::size_t kShard = core::kShardParameters;
  backend::Buffer<float> x(context, n);
  backend::Buffer<float> y(context, n);
  backend::for_each_index(context, n, WaveElement{x.data()});
  backend::fill(context, y.data(), n, 0.5F);
  backend::ExchangeKernels kernels(context);
  std::vector<core::Bytes> offers((n + kShard - 1) / kShard);
  std::vector<core::Bytes> transfers(offers.size());
  std::uint64_t seed = 1;
  const auto each_shard = [&](auto&& f) {
    for (std::size_t i = 0; i < offers.size(); ++i) {
      f(i, i * kShard, std::min(kShard, n - i * kShard));
    }
  };
  for (const Codec transfer_codec : {Codec::kInt8, Codec::kFp32}) {
    const Codec offer_codec = transfer_codec == Codec::kInt8 ? Codec::kFp16 : Codec::kFp32;
    std::vector<Kernel> steps;
    steps.push_back({"offer",
                     0,
                     0,
                     [&] {
                       each_shard([&](std::size_t i, std::size_t begin, std::size_t size) {
                         kernels.offer(x.data() + begin, size, offer_codec, offers[i]);
                       });
                     },
                     {}});
    steps.push_back({"respond",
                     0,
                     0,
                     [&] {
                       each_shard([&](std::size_t i, std::size_t begin, std::size_t size) {
                         Codec codec = transfer_codec;
                         (void)kernels.respond(y.data() + begin, size, offer_codec, offers[i],
                                               codec, ++seed, 0.5F, transfers[i]);
                       });
                     },
                     {}});
    steps.push_back({"absorb",
                     0,
                     0,
                     [&] {
                       each_shard([&](std::size_t i, std::size_t begin, std::size_t size) {
                         (void)kernels.absorb(x.data() + begin, size, transfer_codec, transfers[i],
                                              0.5F);
                       });
                     },
                     {}});
    measure(context, steps, rounds);
    double total = 0;
    std::string line;
    for (const Kernel& step : steps) {
      total += median(step.seconds);
      char text[64];
      std::snprintf(text, sizeof text, "%s %.2f ms, ", step.name.c_str(),
                    median(step.seconds) * 1e3);
      line += text;
    }
    std::printf("exchange of %zu parameters, %s offers, %s transfers: %stogether %.2f ms\n", n,
                core::to_string(offer_codec).data(), core::to_string(transfer_codec).data(),
                line.c_str(), total * 1e3);
  }
}

inline bool run(backend::Context& context, std::size_t n, int rounds, bool judged) {
  const bool reached = passes(context, n, rounds, judged);
  exchange(context, std::size_t{10} << 18, rounds);
  return reached;
}

}  // namespace murmur::bench::MURMUR_BACKEND
