#include "core/spread.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace murmur::core {

double spread(const std::vector<std::vector<float>>& replicas) {
  if (replicas.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> squared(replicas.size());
  double mean_squared = 0;
  for (std::size_t j = 0; j < replicas[0].size(); ++j) {
    double mean = 0;
    for (const auto& x : replicas) mean += x[j];
    mean /= static_cast<double>(replicas.size());
    mean_squared += mean * mean;
    for (std::size_t i = 0; i < replicas.size(); ++i) {
      const double d = replicas[i][j] - mean;
      squared[i] += d * d;
    }
  }
  const double largest = *std::max_element(squared.begin(), squared.end());
  return largest > 0 ? std::sqrt(largest / mean_squared) : 0;
}

}  // namespace murmur::core
