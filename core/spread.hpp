// The mean of replicas, and how far they are from it.
// Thread rule: free functions.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace murmur::core {

/// Gives all parameters of replica `i`.
using ReadReplica = std::function<void(std::size_t i, std::span<float> out)>;

/// The mean of `replicas` of `parameters` each, parameter by parameter. At least one replica; each
/// is read once, and none is kept.
std::vector<double> mean(std::size_t replicas, std::size_t parameters, const ReadReplica& read);

/// Largest ||x_i - mean|| / ||mean|| over `replicas` of `parameters` each; 0 for one replica,
/// infinite around a mean of zero, NaN for none. Each is read twice, and none is kept.
double spread(std::size_t replicas, std::size_t parameters, const ReadReplica& read);
/// Of replicas that are all of one length.
double spread(const std::vector<std::vector<float>>& replicas);

}  // namespace murmur::core
