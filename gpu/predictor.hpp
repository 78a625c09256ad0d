// Predictor: a model that is only asked, on the CPU.
//
// Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/model_spec.hpp"

namespace murmur::gpu {

class Predictor {
 public:
  /// `parameters` are a network's, in the layout of core::make_schema(). Room for `rows_max` rows
  /// at a time.
  Predictor(const core::ModelSpec& model, std::span<const float> parameters, std::size_t rows_max,
            int threads);
  ~Predictor();

  [[nodiscard]] std::size_t rows_max() const;
  /// Where `rows` samples' features go, a row a sample, before outputs() is asked of them.
  [[nodiscard]] std::span<float> inputs(std::size_t rows);
  /// What the model gives for them; valid until inputs() is filled anew.
  [[nodiscard]] std::span<const float> outputs(std::size_t rows);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace murmur::gpu
