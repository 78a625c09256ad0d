// GroupNorm (Wu, He, arXiv 1803.08494) over images. Compiled once a backend
// (gpu/shared/backend.hpp).
#pragma once

#include <cstddef>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/cells.hpp"
#include "gpu/shared/layer.hpp"
#include "gpu/shared/layers/bias.hpp"
#include "gpu/shared/layers/norm.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

struct GroupNormShape {
  std::size_t channels, pixels, groups;
  [[nodiscard]] MURMUR_HD std::size_t together() const { return channels / groups; }
  [[nodiscard]] MURMUR_HD std::size_t run() const { return together() * pixels; }
};

/// Called for each group of each sample.
struct NormaliseGroup {
  GroupNormShape shape;
  const float* in;
  const float* weight;
  const float* bias;
  float* out;
  RunStatistics* saved;
  bool and_relu;
  MURMUR_HD void operator()(std::size_t group) const {
    const float* const from = in + group * shape.run();
    float* const to = out + group * shape.run();
    const RunStatistics s = statistics_of(from, shape.run());
    saved[group] = s;
    const std::size_t first = group % shape.groups * shape.together();
    for (std::size_t c = 0; c < shape.together(); ++c) {
      const float scale = s.scale * weight[first + c];
      const float shift = bias[first + c];
      for (std::size_t i = c * shape.pixels; i < (c + 1) * shape.pixels; ++i) {
        const float value = (from[i] - s.mean) * scale + shift;
        to[i] = and_relu ? relu(value) : value;
      }
    }
  }
};

/// The sums of a channel's gradient, alone and times the normalised input. Called for each channel
/// of each sample.
struct ChannelSums {
  GroupNormShape shape;
  const float* in;
  const float* above;
  const RunStatistics* saved;
  float* plain;
  float* scaled;
  MURMUR_HD void operator()(std::size_t plane) const {
    const float* const x = in + plane * shape.pixels;
    const float* const g = above + plane * shape.pixels;
    const RunStatistics s = saved[plane / shape.together()];
    plain[plane] = lane_sum(shape.pixels, [g](std::size_t i) { return g[i]; });
    scaled[plane] = lane_sum(
        shape.pixels, [g, x, s](std::size_t i) { return g[i] * ((x[i] - s.mean) * s.scale); });
  }
};

/// Called for each channel of each sample.
struct GroupNormGradient {
  GroupNormShape shape;
  const float* in;
  const float* above;
  const float* weight;
  const RunStatistics* saved;
  const float* plain;
  const float* scaled;
  float* below;
  MURMUR_HD void operator()(std::size_t plane) const {
    const std::size_t group = plane / shape.together();
    const std::size_t channel = plane % shape.channels;
    const std::size_t first = channel / shape.together() * shape.together();
    float mean = 0.0F;
    float slope = 0.0F;
    for (std::size_t c = 0; c < shape.together(); ++c) {
      const std::size_t other = group * shape.together() + c;
      mean += weight[first + c] * plain[other];
      slope += weight[first + c] * scaled[other];
    }
    const auto count = static_cast<float>(shape.run());
    mean /= count;
    slope /= count;
    const RunStatistics s = saved[group];
    const float own = weight[channel];
    for (std::size_t i = plane * shape.pixels; i < (plane + 1) * shape.pixels; ++i) {
      const float normal = (in[i] - s.mean) * s.scale;
      below[i] = s.scale * (own * above[i] - mean - normal * slope);
    }
  }
};

class GroupNorm final : public Layer {
 public:
  /// `weight`, `bias`: where they begin in the flat array. `and_relu`: its output goes through one.
  GroupNorm(const GroupNormShape& shape, std::size_t weight, std::size_t bias, bool and_relu)
      : shape_(shape), weight_(weight), bias_(bias), relu_(and_relu) {}

  [[nodiscard]] Needs needs() const override {
    return {.input = true,
            .output = relu_,
            .saved = 2 * shape_.groups,
            .row_scratch = 2 * shape_.channels};
  }

  void forward(Context& context, const Forward& pass) override {
    for_each_run(
        context, pass.rows * shape_.groups, shape_.run(),
        NormaliseGroup{shape_, pass.input, pass.parameters + weight_, pass.parameters + bias_,
                       pass.output, reinterpret_cast<RunStatistics*>(pass.saved), relu_});
  }

  void backward(Context& context, const Backward& pass) override {
    const std::size_t planes = pass.rows * shape_.channels;
    const auto* const saved = reinterpret_cast<const RunStatistics*>(pass.saved);
    float* const dz = pass.output_gradient;
    if (relu_) for_each_index(context, planes * shape_.pixels, MaskRelu{pass.output, dz, dz});
    float* const plain = pass.scratch;
    float* const scaled = plain + planes;
    for_each_run(context, planes, shape_.pixels,
                 ChannelSums{shape_, pass.input, dz, saved, plain, scaled});
    sum_columns(context, scaled, pass.rows, shape_.channels, pass.gradient + weight_);
    sum_columns(context, plain, pass.rows, shape_.channels, pass.gradient + bias_);
    if (pass.input_gradient == nullptr) return;
    for_each_run(context, planes, shape_.pixels,
                 GroupNormGradient{shape_, pass.input, dz, pass.parameters + weight_, saved, plain,
                                   scaled, pass.input_gradient});
  }

 private:
  GroupNormShape shape_;
  std::size_t weight_, bias_;
  bool relu_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
