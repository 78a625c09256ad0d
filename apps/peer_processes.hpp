// The peer processes of `murmur local` and what is known of them.
// Thread rule: one thread, the process's first (see child.hpp).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/child.hpp"
#include "apps/summary.hpp"
#include "apps/tail.hpp"
#include "core/result.hpp"

namespace murmur::apps {

class PeerProcesses {
 public:
  struct Setup {
    std::size_t peers = 0;
    std::vector<std::string> args;          ///< of every peer
    std::vector<std::string> founder_args;  ///< of the first alone, which the others join
    std::filesystem::path out;              ///< peer i writes into out/peer-<i>
    std::filesystem::path state;            ///< empty: none
    bool apart = false;                     ///< the others do not join the first
  };
  /// Nothing runs yet: tick() starts the peers.
  explicit PeerProcesses(Setup setup) : setup_(std::move(setup)) {}

  /// Starts what can be started (peer 0, then, once it can be reached, the others), and reads what
  /// the peers have written. False once none runs and none is to come. Error: not even the first
  /// can be started.
  core::Result<bool> tick();
  /// Asks every peer to stop, as if each had been signalled `level` times; from level 1 on none is
  /// started any more.
  void stop(int level);
  [[nodiscard]] std::string table() const;

  struct Member {
    Child child;
    Tail tail;
    bool running = true;
  };
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }
  [[nodiscard]] std::filesystem::path folder(std::size_t peer) const;
  /// Why the next peer could not be started; empty: nothing went wrong.
  [[nodiscard]] const std::string& start_failure() const { return start_failure_; }
  /// What peer `peer` wrote at its end; nothing if it did not get there.
  [[nodiscard]] std::optional<PeerSummary> summary(std::size_t peer) const;
  /// The same as it was when it was last heard of.
  [[nodiscard]] PeerSummary last_known(std::size_t peer) const;
  /// The last line it printed.
  [[nodiscard]] std::string last_words(std::size_t peer) const;

 private:
  core::Result<void> start(const std::string& founder);
  Setup setup_;
  std::vector<Member> members_;
  int stop_level_ = 0;
  std::string start_failure_;
};

}  // namespace murmur::apps
