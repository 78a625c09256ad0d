// The simplest replica that learns: noisy gradient descent on ½‖x - target‖², where each peer's
// target differs, so that only together do they find the mean. Offers and transfers are fp32.
#pragma once

#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "core/replica.hpp"
#include "core/rng.hpp"

namespace murmur::sim::test {

class Quadratic : public core::Replica {
 public:
  Quadratic(std::size_t dimension, std::uint64_t seed, std::size_t peer)
      : schema_("quadratic:" + std::to_string(dimension), {{"x", {dimension}, 0, dimension}}),
        x_(dimension),
        target_(dimension),
        noise_(seed, peer, "noise") {
    core::Rng draw(seed, 0, "initial");
    core::Rng targets(seed, peer, "target");
    for (std::size_t i = 0; i < dimension; ++i) {
      x_[i] = static_cast<float>(draw.normal());
      target_[i] = 3.0F + 0.5F * static_cast<float>(targets.normal());
    }
  }

  [[nodiscard]] const core::Schema& schema() const override { return schema_; }

  core::TrainStats train(std::uint32_t steps) override {
    core::TrainStats stats;
    for (std::uint32_t step = 0; step < steps; ++step) {
      stats.loss = loss();
      const auto noise = static_cast<float>(0.02 * (noise_.uniform() - 0.5));
      for (std::size_t i = 0; i < x_.size(); ++i)
        x_[i] -= 0.01F * (x_[i] - target_[i]) + noise * target_[i];
    }
    stats.finite = std::isfinite(stats.loss);
    return stats;
  }

  core::Evaluation evaluate() override { return {loss(), std::nan("")}; }

  core::Codec offer(core::ShardId, core::Codec, core::Bytes& out) override {
    write(x_, out);
    return core::Codec::kFp32;
  }

  core::Result<core::MixStats> respond(core::ShardId, core::Codec codec, core::ByteView offer,
                                       core::Codec& out_codec, std::uint64_t, float weight,
                                       core::Bytes& out) override {
    std::vector<float> q(x_.size());
    if (!read(codec, offer, q)) return core::fail("an offer of the wrong size, or not finite");
    core::MixStats stats;
    for (std::size_t i = 0; i < x_.size(); ++i) q[i] -= x_[i];
    apply(q, weight, stats);
    write(q, out);
    out_codec = core::Codec::kFp32;
    return stats;
  }

  core::Result<core::MixStats> absorb(core::ShardId, core::Codec codec, core::ByteView bytes,
                                      float weight) override {
    std::vector<float> q(x_.size());
    if (!read(codec, bytes, q)) return core::fail("a delta of the wrong size, or not finite");
    core::MixStats stats;
    apply(q, -weight, stats);
    return stats;
  }

  void save(core::Bytes& out) override { write(x_, out); }

  core::Result<void> load(core::ByteView state, bool) override {
    std::vector<float> x(x_.size());
    if (!read(core::Codec::kFp32, state, x)) return core::fail("a state of the wrong size");
    x_ = x;
    return {};
  }

  void read_parameters(std::span<float> out) override {
    std::copy(x_.begin(), x_.end(), out.begin());
  }

 private:
  [[nodiscard]] double loss() const {
    double sum = 0;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      const double d = static_cast<double>(x_[i]) - static_cast<double>(target_[i]);
      sum += 0.5 * d * d;
    }
    return sum;
  }

  void apply(const std::vector<float>& q, float weight, core::MixStats& stats) {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      stats.distance += static_cast<double>(q[i]) * static_cast<double>(q[i]);
      stats.norm += static_cast<double>(x_[i]) * static_cast<double>(x_[i]);
      x_[i] += weight * q[i];
    }
    stats.distance = std::sqrt(stats.distance);
    stats.norm = std::sqrt(stats.norm);
  }

  static void write(const std::vector<float>& values, core::Bytes& out) {
    out.resize(values.size() * sizeof(float));
    std::memcpy(out.data(), values.data(), out.size());
  }

  static bool read(core::Codec codec, core::ByteView bytes, std::vector<float>& out) {
    if (codec != core::Codec::kFp32 || bytes.size() != out.size() * sizeof(float)) return false;
    std::memcpy(out.data(), bytes.data(), bytes.size());
    for (const float value : out) {
      if (!std::isfinite(value)) return false;
    }
    return true;
  }

  core::Schema schema_;
  std::vector<float> x_;
  std::vector<float> target_;
  core::Rng noise_;
};

inline auto make_quadratics(std::size_t dimension, std::uint64_t seed) {
  return [=](std::size_t peer, std::size_t) -> std::unique_ptr<core::Replica> {
    return std::make_unique<Quadratic>(dimension, seed, peer);
  };
}

}  // namespace murmur::sim::test
