// A replica of one float: enough to state what the protocol promises.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <string>

#include "core/replica.hpp"

namespace murmur::gossip::test {

/// x is one parameter; a step adds `gradient`.
class OneFloat : public core::Replica {
 public:
  explicit OneFloat(float value, std::string model = "quadratic:1")
      : x(value), schema_(std::move(model), {{"x", {1}, 0, 1}}) {}
  const core::Schema& schema() const override { return schema_; }
  core::TrainStats train(std::uint32_t steps) override {
    x += gradient * static_cast<float>(steps);
    return {x, std::isfinite(x)};
  }
  core::Evaluation evaluate() override { return {x, accuracy_from(x)}; }
  core::Codec offer(core::ShardId, core::Codec, core::Bytes& out) override {
    put(x, out);
    return core::Codec::kFp32;
  }
  core::Result<core::MixStats> respond(core::ShardId, core::Codec, core::ByteView offer,
                                       core::Codec& codec, std::uint64_t, float weight,
                                       core::Bytes& out) override {
    const float d = get(offer) - x;
    if (!(d == d)) return core::fail("not finite");
    codec = core::Codec::kFp32;
    put(d, out);
    const core::MixStats stats{std::abs(d), std::abs(x), std::abs(x + d)};
    x += weight * d;
    return stats;
  }
  core::Result<core::MixStats> absorb(core::ShardId, core::Codec, core::ByteView q,
                                      float weight) override {
    const float d = get(q);
    if (!(d == d)) return core::fail("not finite");
    const core::MixStats stats{std::abs(d), std::abs(x), std::abs(x - d)};
    x -= weight * d;
    return stats;
  }
  void save(core::Bytes& out) override { put(x, out); }
  core::Result<void> load(core::ByteView state) override {
    if (state.size() != sizeof x) return core::fail("not a state");
    if (!std::isfinite(get(state))) return core::fail("a value is not finite");
    x = get(state);
    return {};
  }
  core::StateKind state_kind() const override { return {}; }
  core::Snapshot snapshot() override {
    core::Snapshot own;
    own.planes.append(std::as_bytes(std::span(&x, 1)));
    return own;
  }
  core::Result<void> adopt(const core::Snapshot& theirs) override {
    core::Bytes state(theirs.planes.size());
    theirs.planes.copy_to(state);
    if (!fits(get(state))) return core::fail("of another optimizer");
    return load(state);
  }
  void read_parameters(std::span<float> out) override { out[0] = x; }

  float x;
  float gradient = 0;
  std::function<double(float)> accuracy_from = [](float) { return 0.0; };
  std::function<bool(float)> fits = [](float) { return true; };  ///< a state to adopt

 private:
  static void put(float value, core::Bytes& out) {
    out.resize(sizeof value);
    std::memcpy(out.data(), &value, sizeof value);
  }
  static float get(core::ByteView in) {
    float value = 0;
    std::memcpy(&value, in.data(), sizeof value);
    return value;
  }
  core::Schema schema_;
};

}  // namespace murmur::gossip::test
