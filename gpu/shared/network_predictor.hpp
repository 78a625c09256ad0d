// Predictor for the networks: what is asked and answered lies in the caller's memory, the rest in
// the backend's. Compiled once a backend (gpu/shared/backend.hpp).
//
// Thread rule: one thread at a time. Nothing is allocated after construction.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/check.hpp"
#include "core/schema.hpp"
#include "gpu/predictor.hpp"
#include "gpu/shared/backend.hpp"
#include "gpu/shared/network.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

class NetworkPredictor final : public Predictor {
 public:
  NetworkPredictor(std::unique_ptr<Context> context, const PredictorSpec& spec)
      : context_(std::move(context)),
        rows_max_(spec.rows_max),
        width_(spec.model.inputs()),
        schema_(core::make_schema(spec.model)),
        network_(spec.model, schema_, /*rows_training=*/0, rows_max_),
        memory_(*context_, network_.memory_size()),
        parameters_(*context_, spec.parameters.size()),
        inputs_(rows_max_ * width_),
        outputs_(rows_max_ * network_.width()) {
    CHECK_INVARIANT(spec.parameters.size() == schema_.parameters());
    network_.use(memory_.data());
    upload(*context_, parameters_.data(), spec.parameters.data(), spec.parameters.size());
  }

  [[nodiscard]] std::size_t rows_max() const override { return rows_max_; }
  [[nodiscard]] std::span<float> inputs(std::size_t rows) override {
    CHECK_INVARIANT(rows <= rows_max_);
    return std::span(inputs_).first(rows * width_);
  }
  [[nodiscard]] std::span<const float> outputs(std::size_t rows) override {
    CHECK_INVARIANT(rows <= rows_max_);
    context_->activate();
    upload(*context_, network_.input(Mode::kEvaluating), inputs_.data(), rows * width_);
    network_.forward(*context_, Mode::kEvaluating, parameters_.data(), rows);
    const auto answered = std::span(outputs_).first(rows * network_.width());
    download(*context_, answered.data(), network_.output(Mode::kEvaluating), answered.size());
    return answered;
  }

 private:
  std::unique_ptr<Context> context_;
  std::size_t rows_max_;
  std::size_t width_;
  core::Schema schema_;
  Network network_;
  Buffer<float> memory_;
  Buffer<float> parameters_;
  std::vector<float> inputs_;
  std::vector<float> outputs_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
