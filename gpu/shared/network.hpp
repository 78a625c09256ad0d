// A stack of linear layers, forward and backward, over views into one flat parameter array laid
// out by core::make_schema. Compiled once a backend (gpu/shared/backend.hpp).
//
// Thread rule: the Context's. Nothing is allocated after construction.
// Invariant: weights are [out, in]; the input is [rows x in]; activations are [features x rows].
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "core/model_spec.hpp"
#include "core/schema.hpp"
#include "gpu/shared/backend.hpp"
#include "gpu/shared/cells.hpp"
#include "gpu/shared/network_kernels.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

class Network {
 public:
  /// Room for `rows_max` rows at a time. `schema` is make_schema()'s of the same `model`.
  Network(Context& context, const core::ModelSpec& model, const core::Schema& schema,
          std::size_t rows_max)
      : relu_(model.relu()) {
    std::size_t hidden_max = 0;
    for (std::size_t i = 0; i + 1 < model.widths.size(); ++i) {
      const std::size_t out = model.widths[i + 1];
      layers_.push_back({.in = model.widths[i],
                         .out = out,
                         .weight = schema.tensors()[2 * i].offset,
                         .bias = schema.tensors()[2 * i + 1].offset,
                         .outputs = Buffer<float>(context, out * rows_max)});
      if (i + 2 < model.widths.size()) hidden_max = std::max(hidden_max, out);
    }
    for (Buffer<float>& buffer : gradients_) buffer = Buffer<float>(context, hidden_max * rows_max);
  }

  [[nodiscard]] std::size_t inputs() const { return layers_.front().in; }
  [[nodiscard]] std::size_t width() const { return layers_.back().out; }
  /// The last layer's, [width() x rows]: forward() writes them; the caller replaces them by the
  /// loss's gradient before backward().
  [[nodiscard]] float* outputs() { return layers_.back().outputs.data(); }

  void forward(Context& context, const float* parameters, const float* input, std::size_t rows) {
    const float* from = input;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      Layer& layer = layers_[i];
      float* z = layer.outputs.data();
      const bool input_is_by_row = i == 0;
      gemm(context, {.m = layer.out, .n = rows, .k = layer.in, .trans_b = input_is_by_row},
           parameters + layer.weight, from, z);
      const float* bias = parameters + layer.bias;
      if (relu_ && i + 1 < layers_.size()) {
        for_each_cell(context, layer.out, rows, AddBiasRelu{z, bias, rows});
      } else {
        for_each_cell(context, layer.out, rows, AddBias{z, bias, rows});
      }
      from = z;
    }
  }

  /// After forward() with the same arguments: the whole of `gradient`, in the parameters' layout.
  void backward(Context& context, const float* parameters, const float* input, std::size_t rows,
                float* gradient) {
    const float* dz = outputs();
    for (std::size_t i = layers_.size(); i-- > 0;) {
      Layer& layer = layers_[i];
      for_each_index(context, layer.out, SumRows{dz, rows, gradient + layer.bias});
      if (i == 0) {
        gemm(context, {.m = layer.out, .n = layer.in, .k = rows}, dz, input,
             gradient + layer.weight);
        break;
      }
      const float* below = layers_[i - 1].outputs.data();
      gemm(context, {.m = layer.out, .n = layer.in, .k = rows, .trans_b = true}, dz, below,
           gradient + layer.weight);
      float* next = gradients_[i % 2].data();
      gemm(context, {.m = layer.in, .n = rows, .k = layer.out, .trans_a = true},
           parameters + layer.weight, dz, next);
      if (relu_) for_each_index(context, layer.in * rows, MaskRelu{next, below});
      dz = next;
    }
  }

 private:
  struct Layer {
    std::size_t in, out;
    std::size_t weight, bias;  ///< offsets in the flat array
    Buffer<float> outputs;     ///< [out x rows]
  };

  bool relu_;
  std::vector<Layer> layers_;
  std::array<Buffer<float>, 2> gradients_;  ///< of a layer's outputs and of those below it
};

}  // namespace murmur::gpu::MURMUR_BACKEND
