// Which Layer a layer's spec is on this backend. Compiled once a backend (gpu/shared/backend.hpp).
#pragma once

#include <memory>
#include <variant>

#include "core/check.hpp"
#include "core/model_spec.hpp"
#include "gpu/shared/layer.hpp"
#include "gpu/shared/layers/linear.hpp"
#include "gpu/shared/layers/relu.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

struct LayerPlace {
  const core::Shape& input;
  const core::Shape& output;
  const core::Tensor* tensors;  ///< the layer's own, one after the other
  bool and_relu;                ///< of a layer that can_apply_relu()
};

/// A ReLU that alone follows such a layer is applied by it, while its output is at hand.
inline bool can_apply_relu(const core::LayerSpec& spec) {
  return std::holds_alternative<core::LinearSpec>(spec);
}

/// Null: an addition, which is the network's own.
inline std::unique_ptr<Layer> make_layer(const core::LinearSpec&, const LayerPlace& at) {
  return std::make_unique<Linear>(at.input.back(), at.output.back(), at.tensors[0].offset,
                                  at.tensors[1].offset, at.and_relu);
}
inline std::unique_ptr<Layer> make_layer(const core::ReluSpec&, const LayerPlace& at) {
  return std::make_unique<Relu>(core::elements(at.input));
}
inline std::unique_ptr<Layer> make_layer(const core::AddSpec&, const LayerPlace&) {
  return nullptr;
}

}  // namespace murmur::gpu::MURMUR_BACKEND
