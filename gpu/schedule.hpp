// Schedule: how the learning rate changes with the optimizer's steps. A newcomer copies the steps
// with the optimizer's state, so that all peers of a run are at the same place in it.
//
// Thread rule: values and pure functions.
#pragma once

#include <cstdint>

namespace murmur::gpu {

struct Schedule {
  enum class Kind : std::uint8_t {
    kConstant,
    kStep,    ///< times `factor` after each `every` steps
    kCosine,  ///< to zero at `horizon`, along half a cosine (Loshchilov, Hutter, arXiv 1608.03983)
  };
  Kind kind = Kind::kConstant;
  std::uint64_t warmup = 0;   ///< so many steps first, over which the rate rises evenly
  std::uint64_t every = 0;    ///< kStep: >= 1
  double factor = 0.1;        ///< kStep: in (0, 1)
  std::uint64_t horizon = 0;  ///< kCosine: steps in all, those of the warm-up too; more than those
};

/// What the learning rate is times at update `step`, counted from 0: in [0, 1]. As PyTorch's
/// SequentialLR of LinearLR(1 / warmup, total_iters = warmup - 1) and, from step `warmup` on,
/// StepLR or CosineAnnealingLR of `horizon - warmup`; but zero from `horizon` on.
double rate_factor(const Schedule& schedule, std::uint64_t step);

}  // namespace murmur::gpu
