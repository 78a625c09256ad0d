// --out over the results of another run would lose them.
#pragma once

#include <filesystem>

#include "core/result.hpp"

namespace murmur::apps {

/// Error if `out` holds the results of an earlier run. A peer that `state` resumes adds to its own.
/// Either may be empty, which is none.
core::Result<void> check_no_earlier_run(const std::filesystem::path& out,
                                        const std::filesystem::path& state);

/// The same of a fleet: `out` itself, and the folder of each of its `peers` peers.
core::Result<void> check_no_earlier_runs(const std::filesystem::path& out,
                                         const std::filesystem::path& state, std::size_t peers);

/// "DIR/peer-3".
std::filesystem::path peer_folder(const std::filesystem::path& dir, std::size_t peer);

}  // namespace murmur::apps
