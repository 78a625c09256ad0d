#include "sim/outcome.hpp"

#include <algorithm>

#include "core/spread.hpp"

namespace murmur::sim {

std::uint64_t exchanges_of(std::span<const Peer> peers) {
  std::uint64_t sum = 0;
  for (const Peer& peer : peers) {
    sum += peer.exchanges_before + (peer.machine ? peer.machine->counters().receipts_taken : 0);
  }
  return sum;
}

Progress progress_of(std::span<const Peer> peers) {
  Progress progress;
  progress.exchanges = exchanges_of(peers);
  double steps = 0;
  for (const Peer& peer : peers) {
    if (!peer.machine) continue;
    const gossip::Status status = peer.machine->status();
    progress.step_min =
        progress.peers_up == 0 ? status.step : std::min(progress.step_min, status.step);
    steps += static_cast<double>(status.step);
    ++progress.peers_up;
    if (status.phase >= gossip::Phase::kLingering) ++progress.peers_settled;
  }
  if (progress.peers_up > 0) progress.step_mean = steps / static_cast<double>(progress.peers_up);
  return progress;
}

PeerOutcome end(Peer& peer, core::PeerId id, core::Duration now) {
  PeerOutcome result;
  result.id = id;
  result.incarnations = peer.incarnation;
  result.failure = peer.failure;
  if (!peer.machine) return result;
  result.up = true;
  const gossip::Status status = peer.machine->status();
  result.phase = status.phase;
  result.steps = status.step;
  result.lineage = status.lineage;
  result.exchanges = status.exchanges;
  result.staleness_mean = status.staleness_mean;
  result.seconds = core::seconds(peer.settled.value_or(now) - peer.started);
  result.counters = peer.machine->counters();
  peer.machine.reset();  // it refers to the replica's schema
  result.replica = std::move(peer.replica);
  return result;
}

void evaluate(Outcome& outcome) {
  std::vector<core::Replica*> replicas;
  for (PeerOutcome& peer : outcome.peers) {
    if (!peer.replica) continue;
    const core::Evaluation evaluation = peer.replica->evaluate();
    peer.accuracy = evaluation.accuracy;
    peer.loss = evaluation.loss;
    replicas.push_back(peer.replica.get());
  }
  outcome.spread =
      core::spread(replicas.size(), replicas.empty() ? 0 : replicas[0]->schema().parameters(),
                   [&](std::size_t i, std::span<float> out) { replicas[i]->read_parameters(out); });
}

}  // namespace murmur::sim
