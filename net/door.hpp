// Door: whom a transport lets in, and what it kept out.
// Thread rule: values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "core/keys.hpp"
#include "core/result.hpp"
#include "net/trust.hpp"

namespace murmur::net {

struct Door {
  std::vector<core::SwarmKey> keys;  ///< listens with the first, calls with each; empty: anybody
  std::optional<Trust> trust;        ///< with keys: of their holders these alone
};

/// Of files; an empty `trust` is none. Error: one of them cannot be used.
core::Result<Door> read_door(const std::vector<std::filesystem::path>& keys,
                             const std::filesystem::path& trust);

/// Since the start.
struct DoorCounters {
  std::uint64_t handshakes_refused = 0;  ///< callers that had the key but are not let in
  std::uint64_t handshakes_failed = 0;   ///< connections inwards that ended without a handshake
  std::uint64_t unidentified = 0;        ///< messages dropped: nobody known, or not let in any more
  std::uint64_t hosts_slowed = 0;        ///< times that a host's connections began to be held back
  std::uint64_t shown_out = 0;           ///< connections closed to make room for others
  friend bool operator==(const DoorCounters&, const DoorCounters&) = default;
};

}  // namespace murmur::net
