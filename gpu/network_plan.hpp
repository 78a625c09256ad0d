// Where all that a step computes lies in one memory: values, gradients, what layers save for their
// backward pass, and scratch. Worked out once, from what each layer needs and how long it does.
//
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

#include "core/model_spec.hpp"

namespace murmur::gpu {

/// What a layer asks of the network's memory.
struct Needs {
  bool input = false;   ///< backward() reads what forward() was given
  bool output = false;  ///< backward() reads what forward() gave
  /// The output may lie where the input did, and the input's gradient where the output's did.
  bool in_place = false;
  std::size_t saved = 0;  ///< floats a row that forward() leaves for backward()
  /// Floats that are of use within a call: in all, and more for each row, of at most so many.
  std::size_t scratch = 0;
  std::size_t row_scratch = 0;
  std::size_t rows_together = std::numeric_limits<std::size_t>::max();
};

/// What a network does one after the other: a layer, or several as one.
struct Operation {
  core::Point from = 0;
  core::Point to = 0;
  std::optional<core::Point> with;  ///< added to `from`; the operation is that addition
  Needs needs;
};

struct NetworkPlan {
  static constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

  /// Where the gradient by an input of an operation goes.
  struct Target {
    std::size_t offset = kNowhere;  ///< nowhere: nobody asks for it
    /// Nowhere: it is written to `offset`; else it is written here, then added to `offset`.
    std::size_t by_way_of = kNowhere;
  };
  struct Memory {
    std::size_t saved = kNowhere;
    std::size_t scratch = kNowhere;           ///< of forward()
    std::size_t backward_scratch = kNowhere;  ///< of backward()
    Target from;
    bool adds_with = false;  ///< to the gradient at `with`, else it is written
    std::size_t with_gradient = kNowhere;
  };

  std::vector<std::size_t> values;     ///< of each point
  std::vector<std::size_t> gradients;  ///< of each point; nowhere in a plan without training
  std::vector<Memory> operations;
  std::size_t size = 0;  ///< floats
};

/// `sizes`: floats a row of each point; those within an operation of several layers are not used.
/// The last operation gives the network's output, and every other point is another's input.
NetworkPlan plan_network(const std::vector<Operation>& operations,
                         const std::vector<std::size_t>& sizes, std::size_t rows, bool training);

}  // namespace murmur::gpu
