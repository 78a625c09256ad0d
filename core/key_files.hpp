// Files of secrets: a peer's identity.key and a swarm's key. One line each, of mode 0600:
//   murmur identity key <64 hexadecimal digits> <CRC-32C of what is before it, 8 digits>
//   murmur swarm key <64 hexadecimal digits> <as above>
// A file that others may read, or that is damaged, is refused in one line that names it.
// Thread rule: free functions.
#pragma once

#include <filesystem>

#include "core/keys.hpp"
#include "core/result.hpp"

namespace murmur::core {

/// Durably, with mode 0600. Error: `path` is there already, or it cannot be written.
Result<void> create_identity_key(const std::filesystem::path& path, const SecretKey& secret);
Result<void> create_swarm_key(const std::filesystem::path& path, const SwarmKey& key);

Result<SecretKey> read_identity_key(const std::filesystem::path& path);
Result<SwarmKey> read_swarm_key(const std::filesystem::path& path);

}  // namespace murmur::core
