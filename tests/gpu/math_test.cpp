// The vectorised functions against the standard library's in double.
#include "gpu/shared/math.hpp"

#include <cmath>
#include <limits>

#include "../catch.hpp"

namespace murmur::gpu {
namespace {

TEST_CASE("the fast exponential and error function are within a few units of the last place") {
  double worst_exp = 0;
  double worst_erf = 0;
  for (int i = -880'000; i <= 880'000; i += 7) {
    const float x = static_cast<float>(i) * 1e-4F;
    if (x > -87) {
      worst_exp = std::max(worst_exp, std::abs(fast_exp(x) / std::exp(double{x}) - 1));
    }
    const float y = x / 16;
    worst_erf = std::max(worst_erf, std::abs(fast_erf(y) - std::erf(double{y})));
  }
  CHECK(worst_exp < 2e-7);
  CHECK(worst_erf < 4e-7);
  CHECK(fast_exp(0.0F) == 1.0F);
  CHECK(fast_exp(-1000.0F) == 0.0F);
  CHECK(fast_exp(-std::numeric_limits<float>::infinity()) == 0.0F);
  CHECK(std::isnan(fast_exp(std::numeric_limits<float>::quiet_NaN())));
  CHECK(std::isnan(fast_erf(std::numeric_limits<float>::quiet_NaN())));
}

}  // namespace
}  // namespace murmur::gpu
