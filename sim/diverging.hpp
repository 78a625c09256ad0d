// A replica whose training gives NaN once it has been told to, as one does that has diverged.
// Thread rule: as core::Replica.
#pragma once

#include <limits>
#include <memory>
#include <utility>

#include "core/replica.hpp"

namespace murmur::sim {

class Diverging : public core::Replica {
 public:
  explicit Diverging(std::unique_ptr<core::Replica> inner) : inner_(std::move(inner)) {}

  void diverge() { diverged_ = true; }

  [[nodiscard]] const core::Schema& schema() const override { return inner_->schema(); }
  [[nodiscard]] core::StateKind state_kind() const override { return inner_->state_kind(); }
  core::TrainStats train(std::uint32_t steps) override {
    const core::TrainStats stats = inner_->train(steps);
    return diverged_ ? core::TrainStats{std::numeric_limits<double>::quiet_NaN(), false} : stats;
  }
  core::Evaluation evaluate() override { return inner_->evaluate(); }
  core::Codec offer(core::ShardId shard, core::Codec codec, core::Bytes& out) override {
    return inner_->offer(shard, codec, out);
  }
  core::Result<core::MixStats> respond(core::ShardId shard, core::Codec offer_codec,
                                       core::ByteView offer, core::Codec& codec, std::uint64_t seed,
                                       float weight, core::Bytes& out) override {
    return inner_->respond(shard, offer_codec, offer, codec, seed, weight, out);
  }
  core::Result<core::MixStats> absorb(core::ShardId shard, core::Codec codec, core::ByteView q,
                                      float weight) override {
    return inner_->absorb(shard, codec, q, weight);
  }
  void save(core::Bytes& out) override { inner_->save(out); }
  core::Result<void> load(core::ByteView state) override { return inner_->load(state); }
  core::Snapshot snapshot() override { return inner_->snapshot(); }
  core::Result<void> adopt(const core::Snapshot& theirs) override { return inner_->adopt(theirs); }
  void read_parameters(std::span<float> out) override { inner_->read_parameters(out); }

 private:
  std::unique_ptr<core::Replica> inner_;
  bool diverged_ = false;
};

}  // namespace murmur::sim
