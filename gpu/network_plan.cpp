#include "gpu/network_plan.hpp"

#include <algorithm>

#include "core/check.hpp"
#include "gpu/memory_plan.hpp"

namespace murmur::gpu {
namespace {

using core::Point;
constexpr std::size_t kNowhere = NetworkPlan::kNowhere;

/// Works with numbers of buffers, which become offsets at the end.
class Planner {
 public:
  Planner(const std::vector<Operation>& operations, const std::vector<std::size_t>& sizes,
          std::size_t rows, bool training)
      : operations_(operations),
        sizes_(sizes),
        rows_(rows),
        training_(training),
        uses_(sizes.size(), 0),
        maker_(sizes.size(), kNowhere) {
    plan_.values.assign(sizes.size(), kNowhere);
    plan_.gradients.assign(sizes.size(), kNowhere);
    plan_.operations.resize(operations.size());
    for (std::size_t i = 0; i < operations.size(); ++i) {
      ++uses_[operations[i].from];
      if (operations[i].with) ++uses_[*operations[i].with];
      maker_[operations[i].to] = i;
    }
  }

  NetworkPlan plan() {
    plan_.values[0] = buffer(sizes_[0] * rows_, 0);
    for (std::size_t i = 0; i < operations_.size(); ++i) plan_forward(i);
    const Point last = operations_.back().to;
    use(plan_.values[last], loss_time());
    if (training_) {
      // The loss's gradient takes the place of the outputs where nobody reads those again.
      plan_.gradients[last] = operations_.back().needs.output
                                  ? buffer(sizes_[last] * rows_, loss_time())
                                  : plan_.values[last];
      for (std::size_t i = operations_.size(); i-- > 0;) plan_backward(i);
    }
    const MemoryPlan memory = plan_memory(buffers_);
    const auto resolve = [&](std::size_t& place) {
      if (place != kNowhere) place = memory.offsets[place];
    };
    for (std::size_t& place : plan_.values) resolve(place);
    for (std::size_t& place : plan_.gradients) resolve(place);
    for (NetworkPlan::Memory& m : plan_.operations) {
      for (std::size_t* place : {&m.saved, &m.scratch, &m.backward_scratch, &m.from.offset,
                                 &m.from.by_way_of, &m.with_gradient}) {
        resolve(*place);
      }
    }
    plan_.size = memory.size;
    return std::move(plan_);
  }

 private:
  // The input is there at time 0; then each operation, the loss, and the operations backwards.
  [[nodiscard]] std::size_t forward_time(std::size_t i) const { return i + 1; }
  [[nodiscard]] std::size_t loss_time() const { return operations_.size() + 1; }
  [[nodiscard]] std::size_t backward_time(std::size_t i) const {
    return 2 * operations_.size() + 1 - i;
  }

  std::size_t buffer(std::size_t size, std::size_t time) {
    buffers_.push_back({size, time, time});
    return buffers_.size() - 1;
  }
  void use(std::size_t buffer, std::size_t time) {
    buffers_[buffer].last = std::max(buffers_[buffer].last, time);
  }

  [[nodiscard]] bool in_place(const Operation& op) const {
    if (!op.needs.in_place || uses_[op.from] > 1) return false;
    if (!training_) return true;
    const std::size_t maker = maker_[op.from];
    return !op.needs.input && (maker == kNowhere || !operations_[maker].needs.output);
  }

  void plan_forward(std::size_t i) {
    const Operation& op = operations_[i];
    NetworkPlan::Memory& memory = plan_.operations[i];
    const std::size_t time = forward_time(i);
    use(plan_.values[op.from], time);
    if (op.with) use(plan_.values[*op.with], time);
    std::size_t& to = plan_.values[op.to];
    to = in_place(op) ? plan_.values[op.from] : buffer(sizes_[op.to] * rows_, time);
    use(to, time);
    if (op.needs.saved > 0) memory.saved = buffer(op.needs.saved * rows_, time);
    const std::size_t scratch =
        op.needs.scratch + op.needs.row_scratch * std::min(rows_, op.needs.rows_together);
    if (scratch > 0) memory.scratch = buffer(scratch, time);
    if (!training_) return;
    const std::size_t back = backward_time(i);
    if (op.needs.input) use(plan_.values[op.from], back);
    if (op.needs.output) use(to, back);
    if (op.needs.saved > 0) use(memory.saved, back);
    if (scratch > 0) memory.backward_scratch = buffer(scratch, back);
  }

  void plan_backward(std::size_t i) {
    const Operation& op = operations_[i];
    NetworkPlan::Memory& memory = plan_.operations[i];
    const std::size_t time = backward_time(i);
    const std::size_t above = plan_.gradients[op.to];
    CHECK_INVARIANT(above != kNowhere);
    use(above, time);
    if (op.from != 0) {
      std::size_t& below = plan_.gradients[op.from];
      if (below != kNowhere) {
        memory.from.by_way_of = op.with ? above : buffer(sizes_[op.from] * rows_, time);
      } else {
        const bool same = op.needs.in_place && uses_[op.from] == 1;
        below = same ? above : buffer(sizes_[op.from] * rows_, time);
      }
      use(below, time);
      memory.from.offset = below;
    }
    if (op.with && *op.with != 0) {
      std::size_t& below = plan_.gradients[*op.with];
      memory.adds_with = below != kNowhere;
      if (!memory.adds_with) below = buffer(sizes_[*op.with] * rows_, time);
      use(below, time);
      memory.with_gradient = below;
    }
  }

  const std::vector<Operation>& operations_;
  const std::vector<std::size_t>& sizes_;
  std::size_t rows_;
  bool training_;
  std::vector<std::size_t> uses_;   ///< of each point
  std::vector<std::size_t> maker_;  ///< of each point: the operation
  std::vector<BufferLife> buffers_;
  NetworkPlan plan_;
};

}  // namespace

NetworkPlan plan_network(const std::vector<Operation>& operations,
                         const std::vector<std::size_t>& sizes, std::size_t rows, bool training) {
  return Planner(operations, sizes, rows, training).plan();
}

}  // namespace murmur::gpu
