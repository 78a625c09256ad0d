// Command lines of `murmur sim`, drawn over every flag that it has, as a person might type them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace murmur::sim::test {

/// The command line of `seed`: always one that can be run.
std::vector<std::string> draw_command_line(std::uint64_t seed);

/// In one line, to be typed again.
std::string to_line(const std::vector<std::string>& args);

/// Runs it in this process. What went wrong: it was refused, or a check was violated, or it did not
/// end. Empty if nothing did.
std::vector<std::string> run_command_line(const std::vector<std::string>& args);

}  // namespace murmur::sim::test
