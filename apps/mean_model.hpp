// The mean of the replicas that the peers of `murmur local` ended with, as a model of its own.
// Thread rule: free functions.
#pragma once

#include <filesystem>
#include <vector>

#include "apps/peer.hpp"
#include "core/replica.hpp"
#include "core/result.hpp"
#include "core/schema.hpp"

namespace murmur::apps {

struct MeanModel {
  std::size_t replicas = 0;
  std::vector<float> parameters;
};

/// Of at least one replica, all as long.
MeanModel mean_of(const std::vector<std::vector<float>>& replicas);

/// How good it is on the held-out rows, computed as the peers compute theirs. It is of the model
/// that `options` name. Error: the data are no longer there, or the device fails.
core::Result<core::Evaluation> evaluate_mean(const PeerOptions& options, const MeanModel& mean);

/// Writes it as a model.safetensors is written; its metadata say what it is the mean of.
core::Result<void> write_mean(const std::filesystem::path& path, const core::Schema& schema,
                              const MeanModel& mean);

}  // namespace murmur::apps
