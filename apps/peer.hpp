// `murmur peer`: one peer process.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/command_line.hpp"
#include "apps/training.hpp"
#include "core/dataset.hpp"
#include "gossip/config.hpp"

namespace murmur::apps {

struct PeerOptions {
  std::string listen = "127.0.0.1:0";
  std::vector<gossip::Address> join;
  std::optional<std::size_t> wait_for;
  std::vector<std::filesystem::path> keys;
  std::filesystem::path trust;  ///< empty: everybody who has the key
  std::string swarm;            ///< its name; empty: none
  bool insecure = false;
  std::optional<core::Partition> part;
  Training training;
  std::string device = "auto";
  int threads = 1;
  std::filesystem::path state;  ///< empty: none
  core::Duration save_every = std::chrono::seconds(2);
  std::filesystem::path out;  ///< empty: none
};

/// Error: as CommandLine::parse.
core::Result<CommandLine::Outcome> parse_peer(const std::vector<std::string>& args,
                                              PeerOptions& options);

/// The exit status. Error: something that it was given cannot be, and nothing was left behind.
core::Result<int> run_peer(const std::vector<std::string>& args);

}  // namespace murmur::apps
