// A child process: `murmur peer` with its output in a file. It is asked to stop when its parent is
// killed.
// Thread rule: all from one thread, which must be the process's first (the kernel ties the
// child's death to the thread that made it).
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace murmur::apps {

class Child {
 public:
  /// Runs this very program with `args`. It leads a process group of its own, so that a Ctrl-C at
  /// the terminal reaches it only through stop().
  static core::Result<Child> start(const std::vector<std::string>& args,
                                   const std::filesystem::path& log);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  /// Kills it if it still runs.
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Asks the kernel whether it still runs.
  bool running();
  /// Asks it to stop, as if it had been signalled `level` times (apps/stop_signals.hpp).
  void stop(int level) const;
  /// Once it no longer runs: "done", "exit 1", "SIGKILL".
  [[nodiscard]] std::string how_it_ended() const;
  [[nodiscard]] bool ended_well() const;

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_;
  bool running_ = true;
  int status_ = 0;
};

}  // namespace murmur::apps
