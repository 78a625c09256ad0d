// Predictor: a model that is only asked, on the CPU or on a GPU.
//
// Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/model_spec.hpp"
#include "core/result.hpp"
#include "gpu/device.hpp"

namespace murmur::gpu {

class Predictor {
 public:
  virtual ~Predictor() = default;

  [[nodiscard]] virtual std::size_t rows_max() const = 0;
  /// Where `rows` samples' features go, a row a sample, before outputs() is asked of them.
  [[nodiscard]] virtual std::span<float> inputs(std::size_t rows) = 0;
  /// What the model gives for them; valid until it is asked again.
  [[nodiscard]] virtual std::span<const float> outputs(std::size_t rows) = 0;
};

struct PredictorSpec {
  core::ModelSpec model = {};              ///< a network
  std::span<const float> parameters = {};  ///< in the layout of core::make_schema(); copied
  std::size_t rows_max = 1;                ///< rows at a time that there is to be room for
  int threads = 1;                         ///< on the CPU
};

/// Error: why the device cannot be used.
core::Result<std::unique_ptr<Predictor>> make_predictor(const PredictorSpec& spec,
                                                        const DeviceChoice& device = {});

}  // namespace murmur::gpu
