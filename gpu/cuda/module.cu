// What the module exports (gpu/module.hpp).
#include "gpu/interface_hash.hpp"  // made by the build
#include "gpu/module.hpp"
#include "gpu/shared/network_predictor.hpp"
#include "gpu/shared/network_replica.hpp"

using murmur::gpu::cuda::Context;

extern "C" const char murmur_cuda_interface[] = MURMUR_INTERFACE;

extern "C" void murmur_cuda_make_replica(
    const murmur::gpu::ReplicaSpec& spec, int ordinal,
    murmur::core::Result<std::unique_ptr<murmur::core::Replica>>& out) {
  auto context = Context::open(ordinal);
  if (!context) {
    out = tl::make_unexpected(context.error());
    return;
  }
  out = std::make_unique<murmur::gpu::cuda::NetworkReplica>(
      std::move(*context), spec, std::make_shared<murmur::gpu::cuda::Workspace>());
}

extern "C" void murmur_cuda_make_predictor(
    const murmur::gpu::PredictorSpec& spec, int ordinal,
    murmur::core::Result<std::unique_ptr<murmur::gpu::Predictor>>& out) {
  auto context = Context::open(ordinal);
  if (!context) {
    out = tl::make_unexpected(context.error());
    return;
  }
  out = std::make_unique<murmur::gpu::cuda::NetworkPredictor>(std::move(*context), spec);
}
