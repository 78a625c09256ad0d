// How far apart replicas are.
#pragma once

#include <vector>

namespace murmur::apps {

/// Largest ||x_i - mean|| / ||mean|| over `replicas`, all of one length; 0 for one replica, NaN for
/// none.
double spread(const std::vector<std::vector<float>>& replicas);

}  // namespace murmur::apps
