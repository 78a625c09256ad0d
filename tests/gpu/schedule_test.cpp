#include "gpu/schedule.hpp"

#include <cstddef>

#include "../catch.hpp"

namespace murmur::gpu {
namespace {

using Kind = Schedule::Kind;

template <std::size_t N>
void check_factors(const Schedule& schedule, const double (&expected)[N]) {
  for (std::size_t step = 0; step < N; ++step) {
    CAPTURE(step);
    CHECK(rate_factor(schedule, step) == Approx(expected[step]).epsilon(1e-8));
  }
}

// PyTorch 1.13, a learning rate of 1: SequentialLR of LinearLR(1 / 4, total_iters=3) and the named
// one from step 4 on.
TEST_CASE("the learning rate goes on as PyTorch's schedulers have it") {
  check_factors({.kind = Kind::kCosine, .warmup = 4, .horizon = 12},  // CosineAnnealingLR(8)
                {0.25, 0.5, 0.75, 1, 1, 0.961939766, 0.853553391, 0.691341716, 0.5, 0.308658284,
                 0.146446609, 0.0380602337});
  check_factors({.kind = Kind::kStep, .warmup = 4, .every = 3, .factor = 0.5},  // StepLR(3, 0.5)
                {0.25, 0.5, 0.75, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25});
  check_factors({.kind = Kind::kCosine, .horizon = 5},  // CosineAnnealingLR(5) alone
                {1, 0.904508497, 0.654508497, 0.345491503, 0.0954915028});
}

TEST_CASE("a cosine stays at zero past its end, and a constant rate at one") {
  const Schedule cosine{.kind = Kind::kCosine, .warmup = 2, .horizon = 5};
  CHECK(rate_factor(cosine, 5) == 0);
  CHECK(rate_factor(cosine, 1'000'000) == 0);
  CHECK(rate_factor({}, 0) == 1);
  CHECK(rate_factor({}, 1'000'000) == 1);
  CHECK(rate_factor({.warmup = 10}, 9) == 1);
  CHECK(rate_factor({.warmup = 10}, 0) == Approx(0.1));
}

}  // namespace
}  // namespace murmur::gpu
