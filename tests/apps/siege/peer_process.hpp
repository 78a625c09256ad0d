// A `murmur peer` of a test: what it has written so far, and what it came to.
// Thread rule: one thread.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "apps/tail.hpp"
#include "tests/apps/program.hpp"

namespace murmur::testing {

class PeerProcess {
 public:
  explicit PeerProcess(std::vector<std::string> flags)
      : pid_(start(std::move(flags), dir_)), tail_(out() / "metrics.jsonl", pid_) {}
  ~PeerProcess() {
    if (status_) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;

  [[nodiscard]] std::filesystem::path out() const { return dir_ / "run"; }
  /// As of now.
  const apps::PeerProgress& progress() {
    tail_.poll();
    return tail_.progress();
  }
  [[nodiscard]] bool trains() { return !ended() && progress().phase == "training"; }
  void ask_to_stop() const { ::kill(pid_, SIGTERM); }
  [[nodiscard]] bool ended() {
    int status = 0;
    rusage usage{};
    if (!status_ && ::wait4(pid_, &status, WNOHANG, &usage) == pid_) {
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      memory_max_kib_ = static_cast<std::size_t>(usage.ru_maxrss);
    }
    return status_.has_value();
  }

  // ---- once it has ended ----
  /// As a shell shows it: 128 + n after signal n.
  [[nodiscard]] int status() const { return status_.value_or(-1); }
  [[nodiscard]] std::size_t memory_max_mib() const { return memory_max_kib_ >> 10; }
  [[nodiscard]] std::string said() const {
    return read_text(dir_ / "out") + read_text(dir_ / "err");
  }
  [[nodiscard]] std::size_t lines() const {
    const std::string all = said();
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), '\n'));
  }

 private:
  static pid_t start(std::vector<std::string> flags, const TempDir& dir) {
    flags.insert(flags.begin(), "peer");
    flags.insert(flags.end(), {"--out", (dir / "run").string()});
    return start_program(flags, dir);
  }

  TempDir dir_;
  pid_t pid_;
  apps::Tail tail_;
  std::optional<int> status_;
  std::size_t memory_max_kib_ = 0;
};

}  // namespace murmur::testing
