#include "core/spread.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace murmur::core {

std::vector<double> mean(std::size_t replicas, std::size_t parameters, const ReadReplica& read) {
  std::vector<float> x(parameters);
  std::vector<double> mean(parameters);
  for (std::size_t i = 0; i < replicas; ++i) {
    read(i, x);
    for (std::size_t j = 0; j < parameters; ++j) mean[j] += x[j];
  }
  for (double& m : mean) m /= static_cast<double>(replicas);
  return mean;
}

double spread(std::size_t replicas, std::size_t parameters, const ReadReplica& read) {
  if (replicas == 0) return std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> mean = core::mean(replicas, parameters, read);
  double mean_squared = 0;
  for (const double m : mean) mean_squared += m * m;
  std::vector<float> x(parameters);
  double largest = 0;
  for (std::size_t i = 0; i < replicas; ++i) {
    read(i, x);
    double squared = 0;
    for (std::size_t j = 0; j < parameters; ++j) {
      const double d = x[j] - mean[j];
      squared += d * d;
    }
    largest = std::max(largest, squared);
  }
  return largest > 0 ? std::sqrt(largest / mean_squared) : 0;
}

double spread(const std::vector<std::vector<float>>& replicas) {
  return spread(replicas.size(), replicas.empty() ? 0 : replicas[0].size(),
                [&](std::size_t i, std::span<float> out) {
                  std::copy(replicas[i].begin(), replicas[i].end(), out.begin());
                });
}

}  // namespace murmur::core
