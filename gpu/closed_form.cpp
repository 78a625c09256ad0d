#include "gpu/closed_form.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/check.hpp"
#include "core/rng.hpp"
#include "gpu/replica_state.hpp"

namespace murmur::gpu {
namespace {

constexpr double kOffset = 0.5;         ///< deviation of a peer's minimiser, an element
constexpr float kGradientNoise = 0.1F;  ///< deviation, an element (of a target: least squares)
constexpr double kCurvatureMin = 0.1;   ///< the greatest is 1: a condition number of 10

/// Uniform in ±sqrt(3), so of variance 1: the `i`-th of the draws named `key`. 32 bits wide, so
/// that a loop over i vectorises; Gaussian draws would cost more than the rest of the step.
inline float noise(std::uint32_t key, std::uint32_t i) {
  std::uint32_t h = key + i * 0x9e3779b9U;
  h = (h ^ (h >> 16)) * 0x85ebca6bU;
  h = (h ^ (h >> 13)) * 0xc2b2ae35U;
  h ^= h >> 16;
  constexpr float kScale = 1.7320508F * 0x1p-31F;
  return static_cast<float>(static_cast<std::int32_t>(h)) * kScale;
}

}  // namespace

ClosedFormReplica::ClosedFormReplica(const ReplicaSpec& spec)
    : schema_(core::make_schema(spec.model, spec.shard_parameters)),
      optimizer_(spec.optimizer),
      quadratic_(spec.model.kind == core::ModelKind::kQuadratic),
      learning_rate_(spec.optimizer.learning_rate),
      momentum_(spec.optimizer.momentum),
      stream_(spec.stream),
      noise_key_(core::Rng(spec.seed, spec.stream, "gradient noise").next()),
      context_(1),
      exchange_(context_) {
  const std::size_t n = schema_.parameters();
  core::Rng shared(spec.seed, 0, "closed form");
  core::Rng own(spec.seed, spec.stream, "minimiser");
  for (std::size_t i = 0; i < n; ++i) {
    curvature_.push_back(
        static_cast<float>(kCurvatureMin + (1 - kCurvatureMin) * shared.uniform()));
    optimum_.push_back(static_cast<float>(shared.normal()));
    minimiser_.push_back(optimum_[i] + static_cast<float>(kOffset * own.normal()));
  }
  row_.resize(quadratic_ ? 0 : n);
  x_.assign(n, 0.0F);
  velocity_.assign(n, 0.0F);
}

core::TrainStats ClosedFormReplica::train(std::uint32_t steps) {
  double loss = 0;
  for (std::uint32_t i = 0; i < steps; ++i) {
    const std::uint64_t key = core::mix64(noise_key_ + steps_++);
    loss += quadratic_ ? quadratic_step(key) : least_squares_step(key);
  }
  // The loss is of before the last step. A sum of zeros is NaN as soon as one factor is not finite.
  float zero = 0;
  for (std::size_t i = 0; i < x_.size(); ++i) zero += 0 * x_[i] + 0 * velocity_[i];
  return {.loss = loss / std::max<std::uint32_t>(steps, 1),
          .finite = std::isfinite(loss) && zero == 0};
}

double ClosedFormReplica::quadratic_step(std::uint64_t key) {
  const auto key32 = static_cast<std::uint32_t>(key);
  constexpr std::size_t kLanes = 16;  // partial sums, so that the loop vectorises
  float lanes[kLanes] = {};
  const std::size_t n = x_.size();
  for (std::size_t begin = 0; begin < n; begin += kLanes) {
    const std::size_t count = std::min(kLanes, n - begin);
    for (std::size_t lane = 0; lane < count; ++lane) {
      const std::size_t i = begin + lane;
      const float distance = x_[i] - minimiser_[i];
      const float slope = curvature_[i] * distance;
      lanes[lane] += slope * distance;
      update(i, slope + kGradientNoise * noise(key32, static_cast<std::uint32_t>(i)));
    }
  }
  double loss = 0;
  for (const float lane : lanes) loss += lane;
  return 0.5 * loss;
}

double ClosedFormReplica::least_squares_step(std::uint64_t key) {
  const auto key32 = static_cast<std::uint32_t>(key);
  const std::size_t n = x_.size();
  const float scale = 1.0F / std::sqrt(static_cast<float>(n));
  constexpr std::size_t kLanes = 16;
  float lanes[kLanes] = {};
  for (std::size_t begin = 0; begin < n; begin += kLanes) {
    const std::size_t count = std::min(kLanes, n - begin);
    for (std::size_t lane = 0; lane < count; ++lane) {
      const std::size_t i = begin + lane;
      row_[i] = scale * noise(key32, static_cast<std::uint32_t>(i));
      lanes[lane] += row_[i] * (x_[i] - minimiser_[i]);
    }
  }
  float error = -kGradientNoise * noise(static_cast<std::uint32_t>(key >> 32), 0);
  for (const float lane : lanes) error += lane;
  for (std::size_t i = 0; i < n; ++i) update(i, error * row_[i]);
  return 0.5 * static_cast<double>(error) * static_cast<double>(error);
}

core::Evaluation ClosedFormReplica::evaluate() {
  double loss = 0;
  for (std::size_t i = 0; i < x_.size(); ++i) {
    const double distance = static_cast<double>(x_[i]) - static_cast<double>(optimum_[i]);
    const double weight =
        quadratic_ ? static_cast<double>(curvature_[i]) : 1.0 / static_cast<double>(x_.size());
    loss += 0.5 * weight * distance * distance;
  }
  return {.loss = loss, .accuracy = std::numeric_limits<double>::quiet_NaN()};
}

core::Codec ClosedFormReplica::offer(core::ShardId shard, core::Codec codec, core::Bytes& out) {
  const core::Range range = schema_.shard(shard);
  return exchange_.offer(x_.data() + range.offset, range.size, codec, out);
}

core::Result<core::MixStats> ClosedFormReplica::respond(core::ShardId shard,
                                                        core::Codec offer_codec,
                                                        core::ByteView offer, core::Codec& codec,
                                                        std::uint64_t seed, float weight,
                                                        core::Bytes& out) {
  const core::Range range = schema_.shard(shard);
  return exchange_.respond(x_.data() + range.offset, range.size, offer_codec, offer, codec, seed,
                           weight, out);
}

core::Result<core::MixStats> ClosedFormReplica::absorb(core::ShardId shard, core::Codec codec,
                                                       core::ByteView q, float weight) {
  const core::Range range = schema_.shard(shard);
  return exchange_.absorb(x_.data() + range.offset, range.size, codec, q, weight);
}

void ClosedFormReplica::save(core::Bytes& out) {
  begin_state(
      {.optimizer_steps = steps_, .place = {.epoch = 0, .position = steps_}, .stream = stream_},
      schema_, optimizer_, out);
  const std::span<float> arrays = state_arrays(out);
  std::ranges::copy(x_, arrays.begin());
  // Without momentum there is no array of it.
  if (arrays.size() > x_.size()) {
    std::ranges::copy(velocity_, arrays.subspan(x_.size()).begin());
  }
  seal_state(out);
}

core::Result<void> ClosedFormReplica::load(core::ByteView state) {
  const std::size_t n = x_.size();
  std::vector<float> arrays((1 + optimizer_slots(optimizer_)) * n);
  const auto read = read_state(state, schema_, optimizer_, arrays);
  if (!read) return tl::make_unexpected(read.error());
  set_arrays(arrays);
  steps_ = read->place.position;
  return {};
}

void ClosedFormReplica::set_arrays(const std::vector<float>& arrays) {
  const auto end = arrays.begin() + static_cast<std::ptrdiff_t>(x_.size());
  std::copy(arrays.begin(), end, x_.begin());
  std::copy(end, arrays.end(), velocity_.begin());
}

core::Snapshot ClosedFormReplica::snapshot() {
  core::Snapshot own{state_kind(), steps_, {}};
  own.planes.append(std::as_bytes(std::span(x_)));
  if (own.kind.planes.size() > 1) own.planes.append(std::as_bytes(std::span(velocity_)));
  return own;
}

core::Result<void> ClosedFormReplica::adopt(const core::Snapshot& theirs) {
  const auto arrays = adopted_arrays(theirs, state_kind(), schema_);
  if (!arrays) return tl::make_unexpected(arrays.error());
  set_arrays(*arrays);
  return {};
}

void ClosedFormReplica::read_parameters(std::span<float> out) {
  CHECK_INVARIANT(out.size() == x_.size());
  std::ranges::copy(x_, out.begin());
}

}  // namespace murmur::gpu
