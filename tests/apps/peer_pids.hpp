// The peers of a running `murmur local`.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/apps/program.hpp"

namespace murmur::testing {

inline std::filesystem::path peer_dir(const std::filesystem::path& out, std::size_t peer) {
  return out / ("peer-" + std::to_string(peer));
}

/// The ids of the processes of a `murmur local` whose peers write beneath `out`; empty until all
/// have begun.
inline std::vector<pid_t> peer_pids(const std::filesystem::path& out, std::size_t peers) {
  std::vector<pid_t> pids;
  for (std::size_t i = 0; i < peers; ++i) {
    std::ifstream file(peer_dir(out, i) / "metrics.jsonl");
    std::string line;
    if (!std::getline(file, line) || file.eof()) return {};
    pids.push_back(nlohmann::json::parse(line)["pid"].get<pid_t>());
  }
  return pids;
}

/// Whether `text` is in the metrics of each of them.
inline bool all_say(const std::filesystem::path& out, std::size_t peers, std::string_view text) {
  for (std::size_t i = 0; i < peers; ++i) {
    if (!says(peer_dir(out, i) / "metrics.jsonl", text)) return false;
  }
  return true;
}

}  // namespace murmur::testing
