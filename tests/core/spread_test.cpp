#include "core/spread.hpp"

#include <cmath>

#include "tests/catch.hpp"

namespace murmur::core {
namespace {

TEST_CASE("the spread is the largest distance from the mean, over the mean's norm") {
  CHECK(spread({{1, 1}, {1, 1}}) == 0);
  CHECK(spread({{3, 4}}) == 0);
  CHECK(spread({{0, 0}, {0, 0}}) == 0);
  CHECK(std::isinf(spread({{1, 0}, {-1, 0}})));
  // The mean is (2, 0); both are 1 away.
  CHECK(spread({{1, 0}, {3, 0}}) == Approx(0.5));
  // The mean is (1, 1); the third is (3, 0) away, the others less.
  CHECK(spread({{0, 1}, {-1, 1}, {4, 1}}) == Approx(3 / std::sqrt(2.0)));
  CHECK(std::isnan(spread({})));
}

}  // namespace
}  // namespace murmur::core
