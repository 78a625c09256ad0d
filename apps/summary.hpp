// summary.json, what a run came to. Stable keys:
//   command   "peer", "local" or "sim"
//   peers[]   id (32 hexadecimal digits), steps, test_accuracy (0..1), test_loss, exchanges (that
//             changed the replica), staleness_mean (steps), seconds
//   spread    largest ||x_i - mean|| / ||mean|| over all replicas; of one peer: the largest
//             ||d|| / ||x|| of its last exchanges
//   seconds   of the whole run (sim: virtual)
// `peer` adds counters{}, rejected{} (messages, by reason) and door{} (what had no key); `local`
// adds to each peer "state"
// ("done", "exit 1", "SIGKILL"; what died is as it was last heard of, and not in the mean), "mean",
// of the replicas' mean as a model: {test_accuracy, test_loss, better (its loss is below that of
// each replica)}, and, with --alone, "alone": {peers[], accuracy_mean}; `sim` adds seed, trace_hash
// (16 hexadecimal digits), events, events_per_second (of real time), exchanges,
// exchanges_per_second (of real time), checks, violations (how many), violation_messages[]. Numbers
// that are not finite are null.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/metrics.hpp"
#include "core/result.hpp"
#include "gossip/counters.hpp"
#include "net/door.hpp"

namespace murmur::apps {

struct PeerSummary {
  std::string id;
  std::uint64_t steps = 0;
  double test_accuracy = 0;  ///< NaN where the task has no classes
  double test_loss = 0;
  std::uint64_t exchanges = 0;
  double staleness_mean = 0;
  double seconds = 0;
};

Json to_json(const PeerSummary& peer);
/// Error: a key is missing, or of another type.
core::Result<PeerSummary> parse_peer_summary(const Json& json);

Json to_json(const gossip::Counters& counters);
Json rejected_json(const gossip::Counters& counters);
Json to_json(const net::DoorCounters& counters);

/// Pretty-printed, atomically.
core::Result<void> write_json(const std::filesystem::path& path, const Json& json);
core::Result<Json> read_json(const std::filesystem::path& path);

}  // namespace murmur::apps
