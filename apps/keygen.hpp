// `murmur keygen`: makes a swarm's key, and says what may be known of one.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"

namespace murmur::apps {

/// The exit status. Error: the file is there already, cannot be written, or is no key.
core::Result<int> run_keygen(const std::vector<std::string>& args);

}  // namespace murmur::apps
