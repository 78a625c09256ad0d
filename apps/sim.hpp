// `murmur sim`: a fleet of peers in one process and virtual time.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "apps/command_line.hpp"
#include "apps/training.hpp"
#include "core/result.hpp"
#include "sim/distribution.hpp"
#include "sim/faults.hpp"

namespace murmur::apps {

struct SimOptions {
  std::size_t peers = 4;
  sim::Distribution step_time = sim::Distribution::constant(std::chrono::milliseconds(10));
  sim::FaultPlan faults;
  Training training;
  std::map<std::size_t, Training> own;  ///< of single peers, instead of that
  std::filesystem::path out;            ///< empty: none
};

/// Error: as CommandLine::parse, or a fault that cannot be.
core::Result<CommandLine::Outcome> parse_sim(const std::vector<std::string>& args,
                                             SimOptions& options);

/// The exit status: 1 if a check was violated. Error: something given cannot be; nothing was left
/// behind.
core::Result<int> run_sim(const std::vector<std::string>& args);

}  // namespace murmur::apps
