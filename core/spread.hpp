// How far apart replicas are.
#pragma once

#include <vector>

namespace murmur::core {

/// Largest ||x_i - mean|| / ||mean|| over `replicas`, all of one length; 0 for one
/// replica, infinite around a mean of zero, NaN for none.
double spread(const std::vector<std::vector<float>>& replicas);

}  // namespace murmur::core
