#include "core/check.hpp"
#include "gpu/shared/network_replica.hpp"
#include "steps_by_graph.hpp"

namespace murmur::gpu::test {

core::Bytes state_after_graph(const ReplicaSpec& spec, std::uint32_t steps) {
  auto context = cuda::Context::open(0);
  CHECK_INVARIANT(context.has_value());  // main() has looked for a device
  const cudaStream_t stream = (*context)->stream();
  cuda::NetworkReplica replica(std::move(*context), spec, std::make_shared<cuda::Workspace>());
  replica.train(1);  // the kernels are loaded when first called, which a capture may not see

  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  replica.begin_step();
  MURMUR_CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  replica.run_step();
  MURMUR_CUDA_CHECK(cudaStreamEndCapture(stream, &graph));
  MURMUR_CUDA_CHECK(cudaGraphInstantiate(&executable, graph, 0));
  MURMUR_CUDA_CHECK(cudaGraphLaunch(executable, stream));
  for (std::uint32_t i = 2; i < steps; ++i) {
    replica.begin_step();
    MURMUR_CUDA_CHECK(cudaGraphLaunch(executable, stream));
  }

  core::Bytes state;
  replica.save(state);
  MURMUR_CUDA_CHECK(cudaGraphExecDestroy(executable));
  MURMUR_CUDA_CHECK(cudaGraphDestroy(graph));
  return state;
}

}  // namespace murmur::gpu::test
