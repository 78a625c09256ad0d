// Turnstile: of a host whose connections keep ending before anything was said on them only a share
// of the attempts to connect comes through; the kernel drops the others' first packets, before
// they cost this process anything (a bad handshake of CURVE takes libzmq some 200 us). An honest
// caller at that host tries again by itself, and what is connected stays so. The share halves while
// more than kFailuresARound come through in a round, and doubles again once it is well below.
//
// Thread rule: one thread. Limits: kHostsSlowed are remembered, those that failed least give way.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/time.hpp"

namespace murmur::net {

inline constexpr std::size_t kHostsSlowed = 64;
inline constexpr core::Duration kRound = std::chrono::milliseconds(250);
/// So that one may fail 64 times a second, which is 1 % of a core.
inline constexpr std::uint64_t kFailuresARound = 16;
/// Fewer say nothing of the failures whose host is not known.
inline constexpr std::uint64_t kKnownFailuresMin = 4;
inline constexpr int kHalvingsMax = 10;

/// What counts as one host: an IPv4 address, or the first half of an IPv6 one, as whoever has one
/// of those has all.
struct Origin {
  bool v6 = false;
  std::uint64_t bits = 0;  ///< in host order
  friend auto operator<=>(const Origin&, const Origin&) = default;
};
/// Nothing, if `host` is no numeric address.
std::optional<Origin> origin_of(const std::string& host);

/// One attempt to connect in 2^halvings comes through.
struct Share {
  Origin origin;
  int halvings = 0;
  friend bool operator==(const Share&, const Share&) = default;
};

class Turnstile {
 public:
  /// A connection of `host` ended before anything was said on it. Empty: it ended before its host
  /// could be found out, and counts for those that are known, by their shares.
  void failed(const std::string& host);
  /// To be called often. Who is slowed as of now, if that is not as it was.
  std::optional<std::vector<Share>> turn(core::Instant now);
  /// Who was slowed that had not been, since the last call.
  std::vector<std::string> take_slowed();

 private:
  struct Host {
    std::string name;          ///< the last address of it
    std::uint64_t failed = 0;  ///< in this round
    int halvings = 0;
  };
  std::map<Origin, Host> hosts_;
  std::vector<std::string> slowed_;
  std::uint64_t failed_ = 0;  ///< in this round, of whatever host
  std::uint64_t failed_of_known_ = 0;
  core::Instant next_{};
};

/// Has the kernel let so much through to the socket that listens, and all of who is not named.
/// False if it cannot.
bool let_through(int listener, const std::vector<Share>& shares);

}  // namespace murmur::net
