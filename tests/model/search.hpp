// Every state that can be reached within a setup's limits, breadth first, so that what is found
// wrong is found by as few steps as there can be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/model/rules.hpp"

namespace murmur::model {

struct Verdict {
  std::uint64_t states = 0;
  std::uint64_t steps = 0;
  bool complete = true;            ///< no limit was hit
  std::string violation;           ///< empty: none
  std::vector<std::string> trace;  ///< the steps that lead to it
};

/// States are told apart by 64 bits of hash. Stops at the first violation, or at `states_max`.
Verdict search(const Setup& setup, Mutant mutant, std::uint64_t states_max);

}  // namespace murmur::model
