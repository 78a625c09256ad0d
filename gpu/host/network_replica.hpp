// The CPU's network replica, made without its template-heavy header.
//
// Thread rule: any thread.
#pragma once

#include <memory>

#include "core/replica.hpp"
#include "gpu/replica_spec.hpp"

namespace murmur::gpu::host {

std::unique_ptr<core::Replica> make_network_replica(const ReplicaSpec& spec);

/// For ReplicaSpec::workspace.
std::shared_ptr<Workspace> make_workspace();

}  // namespace murmur::gpu::host
