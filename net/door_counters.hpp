// DoorCounters: what a transport with keys refused. Thread rule: a value.
#pragma once

#include <cstdint>

namespace murmur::net {

/// Since the start.
struct DoorCounters {
  std::uint64_t handshakes_refused = 0;  ///< callers that had the key but are not let in
  std::uint64_t handshakes_failed = 0;   ///< connections inwards that ended without a handshake
  std::uint64_t unidentified = 0;        ///< messages dropped: nobody known, or not let in any more
  std::uint64_t shown_out = 0;           ///< connections closed to make room for others
  friend bool operator==(const DoorCounters&, const DoorCounters&) = default;
};

}  // namespace murmur::net
