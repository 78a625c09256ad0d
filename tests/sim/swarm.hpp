// Swarm testing (Groce et al., ISSTA 2012): each seed draws a configuration and a plan of faults
// that omits each class of fault with probability one half, so that faults are met alone, in pairs
// and all together.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/fleet.hpp"

namespace murmur::sim::test {

struct Case {
  SimConfig config;
  std::size_t dimension = 0;
};

/// The configuration and plan of `seed`.
Case draw_case(std::uint64_t seed);
/// In one line, for a person who wants to know what `seed` does.
std::string describe(const Case& c);

/// Runs the case on closed-form replicas. What went wrong; empty if nothing did.
std::vector<std::string> run_case(const Case& c, Outcome* outcome = nullptr);

/// Closed-form replicas of one seed.
ReplicaFactory quadratics(std::size_t dimension, std::uint64_t seed);

}  // namespace murmur::sim::test
