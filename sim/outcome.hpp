// What a fleet comes to, counted over its peers.
#pragma once

#include <span>

#include "sim/fleet.hpp"
#include "sim/peer.hpp"

namespace murmur::sim {

/// Completed, by every incarnation of every peer.
std::uint64_t exchanges_of(std::span<const Peer> peers);
/// All but the time, events and violations.
Progress progress_of(std::span<const Peer> peers);
/// Ends the peer's process and tells what came of it, but for how good its replica is.
PeerOutcome end(Peer& peer, core::PeerId id, core::Duration now);
/// How good the replicas are, and how far apart.
void evaluate(Outcome& outcome);

}  // namespace murmur::sim
