// The invariants over a state: the books at every moment, and what must be so once the faults stop.
#pragma once

#include "tests/model/rules.hpp"
#include "tests/model/state.hpp"

namespace murmur::model {

/// At any time. Null, or what is wrong.
const char* check_books(const State& state);

/// From `state` on nothing fails any more, and what was on its way is lost: when all has come to
/// rest everything must be decided, and both sides must have the same verdict of it. Null, or what
/// is wrong.
const char* check_settles(const Setup& setup, Mutant mutant, State state);

}  // namespace murmur::model
