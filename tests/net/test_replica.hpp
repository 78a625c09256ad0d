// A replica small enough to see through: it pulls x towards its own centre. It keeps a ledger of
// what training (and adopting) put into x, so that a test can tell whether exchanges conserved the
// sum.
#pragma once

#include <atomic>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "core/model_spec.hpp"
#include "core/replica.hpp"

namespace murmur::test {

class TestReplica : public core::Replica {
 public:
  TestReplica(std::size_t size, float centre, std::size_t shard_size)
      : schema_("quadratic:" + std::to_string(size), {{"x", {size}, 0, size}}, shard_size),
        x_(size, centre + 1),
        centre_(centre),
        put_in_(centre + 1) {}

  /// From the next step on, train() throws: the peer dies as it would of a broken device.
  void break_down() { broken_ = true; }

  /// Until let_go(), train() waits in its first step; before the run.
  void hold() { held_.store(true); }
  void let_go() {
    held_.store(false);
    held_.notify_all();
  }

  // After the run:
  [[nodiscard]] const std::vector<float>& x() const { return x_; }
  /// What training and adopting put into one element (all have the same), exchanges left out.
  [[nodiscard]] double put_in() const { return put_in_; }
  [[nodiscard]] double mean() const {
    double sum = 0;
    for (const float v : x_) sum += v;
    return sum / static_cast<double>(x_.size());
  }

  const core::Schema& schema() const override { return schema_; }

  core::TrainStats train(std::uint32_t steps) override {
    held_.wait(true);
    for (std::uint32_t i = 0; i < steps; ++i) {
      if (broken_) throw std::runtime_error("the test broke it");
      double moved = 0;
      for (float& v : x_) {
        const float before = v;
        v -= kRate * (v - centre_);
        moved += double{v} - double{before};
      }
      put_in_ += moved / static_cast<double>(x_.size());
    }
    return {std::abs(mean() - centre_), true};
  }

  core::Evaluation evaluate() override { return {std::abs(mean() - centre_), std::nan("")}; }

  core::Codec offer(core::ShardId shard, core::Codec, core::Bytes& out) override {
    const core::Range range = schema_.shard(shard);
    out.resize(range.size * sizeof(float));
    std::memcpy(out.data(), x_.data() + range.offset, out.size());
    return core::Codec::kFp32;
  }

  core::Result<core::MixStats> respond(core::ShardId shard, core::Codec, core::ByteView offer,
                                       core::Codec& codec, std::uint64_t, float weight,
                                       core::Bytes& out) override {
    const core::Range range = schema_.shard(shard);
    if (offer.size() != range.size * sizeof(float)) return core::fail("offer: wrong size");
    out.resize(offer.size());
    std::memcpy(out.data(), offer.data(), offer.size());
    auto* q = reinterpret_cast<float*>(out.data());
    const float* x = x_.data() + range.offset;
    for (std::size_t i = 0; i < range.size; ++i) q[i] -= x[i];
    codec = core::Codec::kFp32;
    return mix(range, q, weight);
  }

  core::Result<core::MixStats> absorb(core::ShardId shard, core::Codec, core::ByteView q,
                                      float weight) override {
    const core::Range range = schema_.shard(shard);
    if (q.size() != range.size * sizeof(float)) return core::fail("transfer: wrong size");
    std::vector<float> values(range.size);
    std::memcpy(values.data(), q.data(), q.size());
    return mix(range, values.data(), -weight);
  }

  void save(core::Bytes& out) override {
    out.resize(x_.size() * sizeof(float));
    std::memcpy(out.data(), x_.data(), out.size());
  }

  core::Result<void> load(core::ByteView state) override {
    if (state.size() != x_.size() * sizeof(float)) return core::fail("state: wrong size");
    std::memcpy(x_.data(), state.data(), state.size());
    put_in_ = mean();
    return {};
  }

  core::StateKind state_kind() const override { return {}; }

  core::Snapshot snapshot() override {
    core::Snapshot own;
    own.planes.append(std::as_bytes(std::span(x_)));
    return own;
  }

  core::Result<void> adopt(const core::Snapshot& theirs) override {
    core::Bytes state(theirs.planes.size());
    theirs.planes.copy_to(state);
    return load(state);
  }

  void read_parameters(std::span<float> out) override {
    std::copy(x_.begin(), x_.end(), out.begin());
  }

 private:
  static constexpr float kRate = 1e-3F;

  core::MixStats mix(core::Range range, const float* q, float weight) {
    double distance = 0;
    double norm = 0;
    float* x = x_.data() + range.offset;
    for (std::size_t i = 0; i < range.size; ++i) {
      distance += double{q[i]} * q[i];
      norm += double{x[i]} * x[i];
      x[i] += weight * q[i];
    }
    return {std::sqrt(distance), std::sqrt(norm)};
  }

  core::Schema schema_;
  std::vector<float> x_;
  float centre_;
  double put_in_;
  std::atomic<bool> broken_ = false;
  std::atomic<bool> held_ = false;
};

}  // namespace murmur::test
