// `murmur local`: several peer processes on this machine, and one table of them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/command_line.hpp"
#include "apps/peer.hpp"
#include "core/result.hpp"

namespace murmur::apps {

struct LocalOptions {
  std::size_t peers = 4;
  bool alone = false;
  std::filesystem::path out;           ///< empty: none
  std::filesystem::path state;         ///< empty: none
  std::vector<std::string> peer_args;  ///< what follows "--"
  PeerOptions peer;                    ///< the same, parsed
};

/// Error: as CommandLine::parse, for local's flags and for those after "--".
core::Result<CommandLine::Outcome> parse_local(const std::vector<std::string>& args,
                                               LocalOptions& options);

/// The exit status: 1 if a peer failed. Error: something given cannot be; nothing was left behind.
core::Result<int> run_local(const std::vector<std::string>& args);

}  // namespace murmur::apps
