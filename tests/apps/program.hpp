// Runs the murmur program and keeps what it said.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "tests/core/temp_dir.hpp"

namespace murmur::testing {

struct Said {
  int status = -1;  ///< as a shell shows it: 128 + n after signal n
  std::string out;
  std::string err;
};

/// Polls `condition` without end but the test's own time limit.
template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) ::usleep(10'000);
}

/// Whether the file `path` is there and has `text` in it.
inline bool says(const std::filesystem::path& path, std::string_view text) {
  return std::filesystem::exists(path) && read_text(path).find(text) != std::string::npos;
}

/// A process of the program; its streams go to files in `dir`. `prepare` is called in it first, and
/// may call what is safe after a fork.
template <class Prepare>
pid_t start_program(const std::vector<std::string>& args, const TempDir& dir, Prepare prepare) {
  std::vector<std::string> words = {MURMUR_PROGRAM};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string out = (dir / "out").string();
  const std::string err = (dir / "err").string();
  const pid_t pid = ::fork();
  // A caller that signals -1 signals all there is.
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid > 0) return pid;
  ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
  ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
  prepare();
  ::execv(MURMUR_PROGRAM, argv.data());
  ::_exit(127);
}

inline pid_t start_program(const std::vector<std::string>& args, const TempDir& dir) {
  return start_program(args, dir, [] {});
}

inline Said wait_for(pid_t pid, const TempDir& dir) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_text(dir / "out"),
          read_text(dir / "err")};
}

inline Said run_program(const std::vector<std::string>& args) {
  const TempDir dir;
  return wait_for(start_program(args, dir), dir);
}

}  // namespace murmur::testing
