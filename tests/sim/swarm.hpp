// Swarm testing (Groce et al., ISSTA 2012): each seed draws a configuration and a plan of faults
// that omits each class of fault with probability one half, so that faults are met alone, in pairs
// and all together.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "sim/fleet.hpp"

namespace murmur::sim::test {

struct Case {
  SimConfig config;
  std::size_t dimension = 0;
  std::size_t shards = 1;
  std::set<std::size_t> momentum;  ///< peers that train with it, which the founder does not
  double spread_max = 0;           ///< among those that settled; see settled()
};

/// The configuration and plan of `seed`; `window` zero: that is drawn too.
Case draw_case(std::uint64_t seed, std::size_t window = 0);
/// In one line, for a person who wants to know what `seed` does.
std::string describe(const Case& c);

/// Runs the case on closed-form replicas. What went wrong; empty if nothing did.
std::vector<std::string> run_case(const Case& c, Outcome* outcome = nullptr);

/// A run of some seconds, without faults.
SimConfig quick(std::size_t peers = 6);

/// Closed-form replicas of one seed, cut into so many shards; the peers of `momentum` train
/// with it, the others without, so that neither can load the others' state.
ReplicaFactory quadratics(std::size_t dimension, std::uint64_t seed, std::size_t shards = 1,
                          const std::set<std::size_t>& momentum = {});

}  // namespace murmur::sim::test
