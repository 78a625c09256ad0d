// Strangers: the connections inwards on which no message has come yet. They are what somebody
// without a key can hold, and each may cost a frame's memory: so there are kStrangersMax at most
// (and what comes between two looks); past that the oldest of the host that has most of them is
// closed. One that has said something is not a stranger any more.
//
// A connection is known by its descriptor, which belongs to ZeroMQ: it is only ever shut down,
// never closed, and only while it is a connection of the same host. If ZeroMQ gave it to another
// connection of that host meanwhile, that one is made again.
// Thread rule: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace murmur::net {

/// As many frames as a stranger may begin are held: 64 MiB (Transport's kFrameMax each).
inline constexpr std::size_t kStrangersMax = 64;

class Strangers {
 public:
  void accepted(int connection) { waiting_[connection] = {{}, ++came_}; }
  /// Nothing if something was said on it; else its host, empty if that was not looked at in time.
  std::optional<std::string> closed(int connection);
  /// Of those accepted since the last look finds out the host, which only a connection that is
  /// still open tells; and closes what is too many. The hosts of these.
  std::vector<std::string> look();
  void spoke(int connection) { waiting_.erase(connection); }
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    std::string host;         ///< empty: not looked at yet
    std::uint64_t since = 0;  ///< a rising number
  };
  std::map<int, Waiting> waiting_;
  std::uint64_t looked_at_ = 0;  ///< all that came up to this
  std::uint64_t came_ = 0;
};

/// Ends the connection, if `connection` is one to `host`.
void shut_down(int connection, const std::string& host);
/// The numeric host at the other end; empty if it is no connection.
std::string host_of(int connection);

}  // namespace murmur::net
