#include "gpu/host/network_replica.hpp"

#include "gpu/shared/network_replica.hpp"

namespace murmur::gpu::host {

std::unique_ptr<core::Replica> make_network_replica(const ReplicaSpec& spec) {
  return std::make_unique<NetworkReplica>(std::make_unique<Context>(spec.threads), spec);
}

}  // namespace murmur::gpu::host
