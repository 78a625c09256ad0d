#include "gpu/host/network_replica.hpp"

#include "gpu/shared/network_replica.hpp"

namespace murmur::gpu::host {

std::unique_ptr<core::Replica> make_network_replica(const ReplicaSpec& spec) {
  return std::make_unique<NetworkReplica>(
      std::make_unique<Context>(spec.threads), spec,
      spec.workspace ? spec.workspace : std::make_shared<Workspace>());
}

std::shared_ptr<Workspace> make_workspace() { return std::make_shared<Workspace>(); }

}  // namespace murmur::gpu::host
