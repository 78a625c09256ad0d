// identity.json: a peer's id and how often it has started, with a CRC-32C over both, so that a
// changed digit never makes another peer of it, or a boot that was used before.
//   {"id":"<32 hexadecimal digits>","boot":N,"crc32c":"<8 hexadecimal digits>"}
// Files of before the checksum, with the first two keys alone, are read too.
// Thread rule: free functions; two writers of one path must be kept apart by the caller.
#pragma once

#include <filesystem>

#include "core/storage.hpp"

namespace murmur::core {

/// Error: cannot be read, not of this shape, or the checksum differs.
Result<Identity> read_identity(const std::filesystem::path& path);
/// Durably and atomically, as write_file_atomically.
Result<void> write_identity(const std::filesystem::path& path, Identity identity);

}  // namespace murmur::core
