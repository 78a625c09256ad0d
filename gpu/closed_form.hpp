// Replicas whose loss is a formula, for simulating thousands of peers: a step costs less than a
// microsecond at D = 64, so the protocol dominates.
//
//   quadratic:D      f(x) = 1/2 (x - c)' diag(a) (x - c); a step's gradient has noise added.
//   least-squares:D  f(x) = 1/2 E (r.x - r.c)^2, rows r of variance 1/D an element; a step draws a
//                    fresh row and adds noise to its target.
//
// a and the swarm's optimum are the seed's; c is that optimum plus an offset of the peer's own (the
// stream's), so that peers which do not exchange end up apart. evaluate() answers the loss above
// that of the swarm's optimum, and no accuracy.
//
// Thread rule: one thread at a time.
// Invariant: nothing but load() allocates; an output buffer grows once.
#pragma once

#include <cstdint>
#include <vector>

#include "core/replica.hpp"
#include "gpu/replica_spec.hpp"
#include "gpu/replica_state.hpp"
#include "gpu/shared/exchange.hpp"

namespace murmur::gpu {

class ClosedFormReplica final : public core::Replica {
 public:
  /// `spec` is one that make_replica() found no fault with: a closed form, with plain SGD.
  explicit ClosedFormReplica(const ReplicaSpec& spec);

  [[nodiscard]] const core::Schema& schema() const override { return schema_; }
  [[nodiscard]] core::StateKind state_kind() const override { return gpu::state_kind(optimizer_); }
  core::TrainStats train(std::uint32_t steps) override;
  core::Evaluation evaluate() override;
  core::Codec offer(core::ShardId shard, core::Codec codec, core::Bytes& out) override;
  core::Result<core::MixStats> respond(core::ShardId shard, core::Codec offer_codec,
                                       core::ByteView offer, core::Codec& codec, std::uint64_t seed,
                                       float weight, core::Bytes& out) override;
  core::Result<core::MixStats> absorb(core::ShardId shard, core::Codec codec, core::ByteView q,
                                      float weight) override;
  void save(core::Bytes& out) override;
  core::Result<void> load(core::ByteView state) override;
  core::Snapshot snapshot() override;
  core::Result<void> adopt(const core::Snapshot& theirs) override;
  void read_parameters(std::span<float> out) override;

 private:
  void set_arrays(const std::vector<float>& arrays);
  double quadratic_step(std::uint64_t key);
  double least_squares_step(std::uint64_t key);
  void update(std::size_t i, float gradient) {
    velocity_[i] = momentum_ * velocity_[i] + gradient;
    x_[i] -= learning_rate_ * velocity_[i];
  }

  core::Schema schema_;
  OptimizerSpec optimizer_;
  bool quadratic_;
  float learning_rate_;
  float momentum_;
  std::uint64_t stream_;
  std::uint64_t noise_key_;
  std::uint64_t steps_ = 0;  ///< names the next step's noise: the place in the data
  std::vector<float> curvature_;
  std::vector<float> optimum_;    ///< the swarm's
  std::vector<float> minimiser_;  ///< this peer's own, c
  std::vector<float> row_;
  std::vector<float> x_;
  std::vector<float> velocity_;
  host::Context context_;
  host::ExchangeKernels exchange_;
};

}  // namespace murmur::gpu
