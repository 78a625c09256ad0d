#include "gpu/schedule.hpp"

#include <cmath>
#include <numbers>

namespace murmur::gpu {

double rate_factor(const Schedule& schedule, std::uint64_t step) {
  if (step < schedule.warmup) {
    return static_cast<double>(step + 1) / static_cast<double>(schedule.warmup);
  }
  const std::uint64_t after = step - schedule.warmup;
  switch (schedule.kind) {
    case Schedule::Kind::kStep: {
      const std::uint64_t falls = after / schedule.every;
      return std::pow(schedule.factor, static_cast<double>(falls));
    }
    case Schedule::Kind::kCosine: {
      if (step >= schedule.horizon) return 0;
      const auto whole = static_cast<double>(schedule.horizon - schedule.warmup);
      return (1 + std::cos(std::numbers::pi * static_cast<double>(after) / whole)) / 2;
    }
    case Schedule::Kind::kConstant:
      break;
  }
  return 1;
}

}  // namespace murmur::gpu
