// Which Layer a layer's spec is on this backend. Compiled once a backend (gpu/shared/backend.hpp).
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "core/check.hpp"
#include "core/model_spec.hpp"
#include "gpu/image.hpp"
#include "gpu/shared/layer.hpp"
#include "gpu/shared/layers/attention.hpp"
#include "gpu/shared/layers/conv2d.hpp"
#include "gpu/shared/layers/dropout.hpp"
#include "gpu/shared/layers/embedding.hpp"
#include "gpu/shared/layers/flatten.hpp"
#include "gpu/shared/layers/gelu.hpp"
#include "gpu/shared/layers/group_norm.hpp"
#include "gpu/shared/layers/layer_norm.hpp"
#include "gpu/shared/layers/linear.hpp"
#include "gpu/shared/layers/pool.hpp"
#include "gpu/shared/layers/relu.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

struct LayerPlace {
  std::size_t index;  ///< in the model
  const core::Shape& input;
  const core::Shape& output;
  const core::Tensor* tensors;  ///< the layer's own, one after the other
  bool and_relu;                ///< of a layer that can_apply_relu()
};

/// A ReLU that alone follows such a layer is applied by it, while its output is at hand.
inline bool can_apply_relu(const core::LayerSpec& spec) {
  return std::holds_alternative<core::LinearSpec>(spec) ||
         std::holds_alternative<core::Conv2dSpec>(spec) ||
         std::holds_alternative<core::GroupNormSpec>(spec);
}

inline std::optional<std::size_t> bias_of(bool has_one, const LayerPlace& at) {
  return has_one ? std::optional(at.tensors[1].offset) : std::nullopt;
}

using LayerPointer = std::unique_ptr<Layer>;

inline LayerPointer make_layer(const core::LinearSpec& spec, const LayerPlace& at) {
  return std::make_unique<Linear>(core::elements(at.input) / at.input.back(), at.input.back(),
                                  at.output.back(), at.tensors[0].offset, bias_of(spec.bias, at),
                                  at.and_relu);
}
inline LayerPointer make_layer(const core::Conv2dSpec& spec, const LayerPlace& at) {
  return std::make_unique<Conv2d>(
      windows_of(at.input, at.output, spec.kernel, spec.stride, spec.padding), at.tensors[0].offset,
      bias_of(spec.bias, at), at.and_relu);
}
inline LayerPointer make_layer(const core::MaxPool2dSpec& spec, const LayerPlace& at) {
  return std::make_unique<Pool2d<true>>(
      windows_of(at.input, at.output, spec.kernel, spec.stride, 0));
}
inline LayerPointer make_layer(const core::AvgPool2dSpec& spec, const LayerPlace& at) {
  return std::make_unique<Pool2d<false>>(
      windows_of(at.input, at.output, spec.kernel, spec.stride, 0));
}
inline LayerPointer make_layer(const core::GlobalAvgPoolSpec&, const LayerPlace& at) {
  return std::make_unique<GlobalAvgPool>(at.input[0], at.input[1] * at.input[2]);
}
inline LayerPointer make_layer(const core::FlattenSpec&, const LayerPlace& at) {
  return std::make_unique<Flatten>(core::elements(at.input));
}
inline LayerPointer make_layer(const core::ReluSpec&, const LayerPlace& at) {
  return std::make_unique<Relu>(core::elements(at.input));
}
inline LayerPointer make_layer(const core::GeluSpec&, const LayerPlace& at) {
  return std::make_unique<Gelu>(core::elements(at.input));
}
inline LayerPointer make_layer(const core::DropoutSpec& spec, const LayerPlace& at) {
  return std::make_unique<Dropout>(core::elements(at.input), spec.rate, at.index);
}
inline LayerPointer make_layer(const core::LayerNormSpec&, const LayerPlace& at) {
  const std::size_t width = at.input.back();
  return std::make_unique<LayerNorm>(core::elements(at.input) / width, width, at.tensors[0].offset,
                                     at.tensors[1].offset);
}
inline LayerPointer make_layer(const core::GroupNormSpec& spec, const LayerPlace& at) {
  return std::make_unique<GroupNorm>(
      GroupNormShape{at.input[0], at.input[1] * at.input[2], spec.groups}, at.tensors[0].offset,
      at.tensors[1].offset, at.and_relu);
}
inline LayerPointer make_layer(const core::EmbeddingSpec& spec, const LayerPlace& at) {
  return std::make_unique<Embedding>(spec.vocabulary, at.input.back(), spec.width,
                                     at.tensors[0].offset, at.tensors[1].offset);
}
inline LayerPointer make_layer(const core::AttentionSpec& spec, const LayerPlace& at) {
  return std::make_unique<Attention>(at.output[0], at.output[1], spec.heads);
}
/// Null: an addition is the network's own.
inline LayerPointer make_layer(const core::AddSpec&, const LayerPlace&) { return nullptr; }

}  // namespace murmur::gpu::MURMUR_BACKEND
