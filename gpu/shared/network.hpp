// Network: the layers of a model, forward and backward, over views into one flat parameter array
// laid out by core::make_schema. Compiled once a backend (gpu/shared/backend.hpp).
//
// Thread rule: the Context's. Nothing is allocated after construction.
// Invariant: activations are row-major with the batch first.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/model_spec.hpp"
#include "core/schema.hpp"
#include "gpu/network_plan.hpp"
#include "gpu/shared/backend.hpp"
#include "gpu/shared/layer.hpp"
#include "gpu/shared/layers/add.hpp"
#include "gpu/shared/make_layer.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// Evaluating keeps nothing for a backward pass.
enum class Mode { kTraining = 0, kEvaluating = 1 };

class Network {
 public:
  /// Room for so many rows at a time. `schema` is make_schema()'s of the same `model`.
  Network(const core::ModelSpec& model, const core::Schema& schema, std::size_t rows_training,
          std::size_t rows_evaluating)
      : output_(model.layers.size()), width_(model.outputs()) {
    make_operations(model, schema);
    for (const core::Shape& shape : model.shapes) sizes_.push_back(core::elements(shape));
    plans_[0] = plan_network(operations_, sizes_, rows_training, true);
    plans_[1] = plan_network(operations_, sizes_, rows_evaluating, false);
  }

  /// Floats that a pass uses.
  [[nodiscard]] std::size_t memory_size() const { return std::max(plans_[0].size, plans_[1].size); }
  /// To be called before a pass, and whenever its memory has moved.
  void use(float* memory) { memory_ = memory; }

  /// Numbers that the model gives for a row.
  [[nodiscard]] std::size_t width() const { return width_; }
  /// Where the features of a batch go, a row a sample.
  [[nodiscard]] float* input(Mode mode) { return at(plan(mode).values[0]); }
  /// [rows x width()], after forward().
  [[nodiscard]] const float* output(Mode mode) { return at(plan(mode).values[output_]); }
  /// Where the loss's gradient by the output is to be before backward(); maybe the output's place.
  [[nodiscard]] float* output_gradient() { return at(plans_[0].gradients[output_]); }

  /// `draw`: of this batch, in the backend's memory, for what its layers draw (training).
  void forward(Context& context, Mode mode, const float* parameters, std::size_t rows,
               const std::uint64_t* draw = nullptr) {
    const NetworkPlan& p = plan(mode);
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      const Operation& op = operations_[i];
      const NetworkPlan::Memory& memory = p.operations[i];
      const float* const from = at(p.values[op.from]);
      float* const to = at(p.values[op.to]);
      if (op.with) {
        add(context, rows * sizes_[op.to], from, at(p.values[*op.with]), to);
      } else {
        layers_[i]->forward(context, {rows, parameters, from, to, at(memory.saved),
                                      at(memory.scratch), mode == Mode::kTraining, draw});
      }
    }
  }

  /// After forward() in training, of the same rows and draw: the whole of `gradient`, in the
  /// parameters' layout.
  void backward(Context& context, const float* parameters, std::size_t rows, float* gradient,
                const std::uint64_t* draw) {
    const NetworkPlan& p = plans_[0];
    for (std::size_t i = operations_.size(); i-- > 0;) {
      const Operation& op = operations_[i];
      const NetworkPlan::Memory& memory = p.operations[i];
      float* const above = at(p.gradients[op.to]);
      if (op.with) {
        share_gradient(context, op, memory, above, rows);
        continue;
      }
      const bool aside = memory.from.by_way_of != NetworkPlan::kNowhere;
      float* const below = at(aside ? memory.from.by_way_of : memory.from.offset);
      layers_[i]->backward(
          context, {rows, parameters, at(p.values[op.from]), at(p.values[op.to]), above, below,
                    gradient, at(memory.saved), at(memory.backward_scratch), draw});
      if (aside) {
        float* const sum = at(memory.from.offset);
        add(context, rows * sizes_[op.from], sum, below, sum);
      }
    }
  }

 private:
  void make_operations(const core::ModelSpec& model, const core::Schema& schema) {
    std::vector<std::size_t> uses(model.shapes.size(), 0);
    for (const core::Layer& layer : model.layers) {
      ++uses[layer.from];
      if (const auto* sum = std::get_if<core::AddSpec>(&layer.spec)) ++uses[sum->with];
    }
    const core::Tensor* tensors = schema.tensors().data();
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
      const core::Layer& layer = model.layers[i];
      const core::Point end = i + 1;
      const core::Layer* const next = end < model.layers.size() ? &model.layers[end] : nullptr;
      const bool and_relu = can_apply_relu(layer.spec) && next != nullptr && next->from == end &&
                            std::holds_alternative<core::ReluSpec>(next->spec) && uses[end] == 1;
      const LayerPlace place{i, model.shapes[layer.from], model.shapes[end], tensors, and_relu};
      tensors += core::parameters_of(layer.spec, place.input).size();
      layers_.push_back(
          std::visit([&](const auto& spec) { return make_layer(spec, place); }, layer.spec));
      Operation op{.from = layer.from, .to = and_relu ? end + 1 : end, .with = {}, .needs = {}};
      if (layers_.back()) {
        op.needs = layers_.back()->needs();
      } else {
        op.with = std::get<core::AddSpec>(layer.spec).with;
        op.needs.in_place = true;
      }
      operations_.push_back(op);
      if (and_relu) ++i;
    }
  }

  [[nodiscard]] const NetworkPlan& plan(Mode mode) const {
    return plans_[static_cast<std::size_t>(mode)];
  }
  [[nodiscard]] float* at(std::size_t place) {
    return place == NetworkPlan::kNowhere ? nullptr : memory_ + place;
  }

  static void add(Context& context, std::size_t n, const float* a, const float* b, float* sum) {
    for_each_index(context, n, AddElements{a, b, sum});
  }

  /// Of a sum: each of its two inputs has the gradient of the sum itself.
  void share_gradient(Context& context, const Operation& op, const NetworkPlan::Memory& memory,
                      const float* above, std::size_t rows) {
    const std::size_t n = rows * sizes_[op.to];
    const auto hand_on = [&](float* below, bool adds) {
      if (below == nullptr || below == above) return;
      if (adds) {
        add(context, n, below, above, below);
      } else {
        copy(context, below, above, n);
      }
    };
    hand_on(at(memory.from.offset), memory.from.by_way_of != NetworkPlan::kNowhere);
    hand_on(at(memory.with_gradient), memory.adds_with);
  }

  std::vector<std::unique_ptr<Layer>> layers_;  ///< of each operation; null: an addition
  std::vector<Operation> operations_;
  std::vector<std::size_t> sizes_;  ///< floats a row of each point
  core::Point output_;
  std::size_t width_;
  std::array<NetworkPlan, 2> plans_;  ///< of each Mode
  float* memory_ = nullptr;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
