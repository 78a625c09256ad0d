// SGD, Adam and AdamW by PyTorch's formulas, one pass over the flat parameters. Compiled once a
// backend (gpu/shared/backend.hpp).
//
// Thread rule: the Context's.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "gpu/replica_spec.hpp"
#include "gpu/replica_state.hpp"
#include "gpu/shared/backend.hpp"
#include "gpu/shared/clip.hpp"
#include "gpu/shared/slot.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// What differs from one update to the next: the kernels read it in the backend's memory.
struct UpdateNumbers {
  float rate;             ///< the schedule's
  float keep;             ///< AdamW: 1 - rate x weight decay, otherwise 1
  float step_size;        ///< Adam: the rate, of which the first moment's bias is taken
  float root_correction;  ///< Adam: what takes that of the second moment's root
};

struct SgdElement {
  float* x;
  const float* gradient;
  Argument<UpdateNumbers> now;
  float weight_decay;
  MURMUR_HD void operator()(std::size_t i) const {
    x[i] -= now->rate * (gradient[i] + weight_decay * x[i]);
  }
};

/// PyTorch starts the velocity at the first gradient; so does a velocity of zero here, since
/// PyTorch's dampening is left at its default of zero.
struct MomentumElement {
  float* x;
  const float* gradient;
  float* velocity;
  Argument<UpdateNumbers> now;
  float weight_decay, momentum;
  MURMUR_HD void operator()(std::size_t i) const {
    const float v = momentum * velocity[i] + (gradient[i] + weight_decay * x[i]);
    velocity[i] = v;
    x[i] -= now->rate * v;
  }
};

struct NesterovElement {
  float* x;
  const float* gradient;
  float* velocity;
  Argument<UpdateNumbers> now;
  float weight_decay, momentum;
  MURMUR_HD void operator()(std::size_t i) const {
    const float g = gradient[i] + weight_decay * x[i];
    const float v = momentum * velocity[i] + g;
    velocity[i] = v;
    x[i] -= now->rate * (g + momentum * v);
  }
};

struct AdamElement {
  float* x;
  const float* gradient;
  float* first;
  float* second;
  Argument<UpdateNumbers> now;
  float decay;  ///< weight decay for Adam, otherwise 0
  float beta1, one_minus_beta1, beta2, one_minus_beta2;
  float epsilon;
  MURMUR_HD void operator()(std::size_t i) const {
    const float g = gradient[i] + decay * x[i];
    const float m = beta1 * first[i] + one_minus_beta1 * g;
    const float v = beta2 * second[i] + one_minus_beta2 * g * g;
    first[i] = m;
    second[i] = v;
    x[i] = now->keep * x[i] - now->step_size * (m / (sqrtf(v) * now->root_correction + epsilon));
  }
};

class Optimizer {
 public:
  Optimizer(Context& context, const OptimizerSpec& spec, std::size_t parameters)
      : spec_(spec), size_(parameters), slots_(optimizer_slots(spec)), now_(context, 1) {
    if (spec.norm_max > 0) clip_.emplace(context, spec.norm_max, parameters);
  }

  /// Before all else: memory for the slots, which are not written yet.
  void allocate(Context& context) {
    for (std::size_t i = 0; i < slots_; ++i) slot_[i] = Slot(context, size_);
  }
  /// Zeros in the slots.
  void clear(Context& context) {
    for (std::size_t i = 0; i < slots_; ++i) fill(context, slot_[i].own(context), size_, 0.0F);
  }

  /// Leaves the numbers of the next step in the backend's memory: its rate by the schedule, say.
  void begin_step(Context& context) { put(context, now_.data(), numbers_of(++steps_)); }

  /// x, from the gradient at x, by the numbers of begin_step().
  /// Where it is clipped, the gradient is changed.
  void step(Context& context, float* x, float* gradient) {
    if (clip_) clip_->apply(context, gradient);
    const Argument<UpdateNumbers> now(now_.data());
    const float decay = spec_.weight_decay;
    if (spec_.kind != OptimizerKind::kSgd) {
      for_each_index(context, size_, adam(context, x, gradient));
    } else if (slots_ == 0) {
      for_each_index(context, size_, SgdElement{x, gradient, now, decay});
    } else if (spec_.nesterov) {
      for_each_index(
          context, size_,
          NesterovElement{x, gradient, slot_[0].own(context), now, decay, spec_.momentum});
    } else {
      for_each_index(
          context, size_,
          MomentumElement{x, gradient, slot_[0].own(context), now, decay, spec_.momentum});
    }
  }

  /// The state is `slots()` arrays as long as the parameters, and the steps taken.
  [[nodiscard]] std::size_t slots() const { return slots_; }
  [[nodiscard]] Slot& slot(std::size_t i) { return slot_[i]; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  void set_steps(std::uint64_t steps) { steps_ = steps; }

 private:
  /// Of update number `step`, counted from 1.
  [[nodiscard]] UpdateNumbers numbers_of(std::uint64_t step) const {
    const auto rate =
        static_cast<float>(spec_.learning_rate * rate_factor(spec_.schedule, step - 1));
    if (spec_.kind == OptimizerKind::kSgd) return {rate, 1.0F, rate, 1.0F};
    const double lr = rate;
    const auto t = static_cast<double>(step);
    const double correction1 = 1 - std::pow(double{spec_.beta1}, t);
    const double correction2 = 1 - std::pow(double{spec_.beta2}, t);
    return {rate, decoupled() ? static_cast<float>(1 - lr * spec_.weight_decay) : 1.0F,
            static_cast<float>(lr / correction1), static_cast<float>(1 / std::sqrt(correction2))};
  }
  [[nodiscard]] AdamElement adam(Context& context, float* x, const float* gradient) {
    return {x,
            gradient,
            slot_[0].own(context),
            slot_[1].own(context),
            Argument<UpdateNumbers>(now_.data()),
            decoupled() ? 0.0F : spec_.weight_decay,
            spec_.beta1,
            static_cast<float>(1 - double{spec_.beta1}),
            spec_.beta2,
            static_cast<float>(1 - double{spec_.beta2}),
            spec_.epsilon};
  }
  [[nodiscard]] bool decoupled() const { return spec_.kind == OptimizerKind::kAdamW; }

  OptimizerSpec spec_;
  std::size_t size_;
  std::size_t slots_;
  std::array<Slot, kOptimizerSlotsMax> slot_;
  std::uint64_t steps_ = 0;
  Buffer<UpdateNumbers> now_;  ///< one
  std::optional<Clip> clip_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
