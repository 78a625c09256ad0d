#include "gpu/predictor.hpp"

#include <algorithm>

#include "core/check.hpp"
#include "gpu/shared/network.hpp"

namespace murmur::gpu {

struct Predictor::Impl {
  Impl(const core::ModelSpec& model, std::span<const float> own, std::size_t rows_most, int threads)
      : context(threads),
        schema(core::make_schema(model)),
        network(model, schema, /*rows_training=*/0, rows_most),
        memory(context, network.memory_size()),
        parameters(context, own.size()),
        width(model.inputs()),
        rows_max(rows_most) {
    CHECK_INVARIANT(own.size() == schema.parameters());
    network.use(memory.data());
    host::upload(context, parameters.data(), own.data(), own.size());
  }

  host::Context context;
  core::Schema schema;
  host::Network network;
  host::Buffer<float> memory;
  host::Buffer<float> parameters;
  std::size_t width;
  std::size_t rows_max;
};

Predictor::Predictor(const core::ModelSpec& model, std::span<const float> parameters,
                     std::size_t rows_max, int threads)
    : impl_(std::make_unique<Impl>(model, parameters, rows_max, threads)) {}

Predictor::~Predictor() = default;

std::size_t Predictor::rows_max() const { return impl_->rows_max; }

std::span<float> Predictor::inputs(std::size_t rows) {
  CHECK_INVARIANT(rows <= impl_->rows_max);
  return {impl_->network.input(host::Mode::kEvaluating), rows * impl_->width};
}

std::span<const float> Predictor::outputs(std::size_t rows) {
  CHECK_INVARIANT(rows <= impl_->rows_max);
  host::Network& network = impl_->network;
  network.forward(impl_->context, host::Mode::kEvaluating, impl_->parameters.data(), rows);
  return {network.output(host::Mode::kEvaluating), rows * network.width()};
}

}  // namespace murmur::gpu
