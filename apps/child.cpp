#include "apps/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "apps/stop_signals.hpp"

namespace murmur::apps {
namespace {

/// In the child, between fork and exec: async-signal-safe calls only.
[[noreturn]] void become_peer(char* const* argv, int log, pid_t parent) {
  constexpr int kCannotRun = 127;
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kCannotRun);  // it died before the line above
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execv("/proc/self/exe", argv);
  ::_exit(kCannotRun);
}

}  // namespace

core::Result<Child> Child::start(const std::vector<std::string>& args,
                                 const std::filesystem::path& log) {
  const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) {
    return core::fail(fmt::format("{}: cannot write: {}", log.string(), std::strerror(errno)));
  }
  std::vector<std::string> words = {"murmur"};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become_peer(argv.data(), fd, parent);
  const int why = errno;
  ::close(fd);
  if (pid < 0) return core::fail(fmt::format("cannot start a process: {}", std::strerror(why)));
  return Child(pid);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), running_(other.running_), status_(other.status_) {}

Child::~Child() {
  if (pid_ < 0 || !running()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Child::running() {
  if (running_ && ::waitpid(pid_, &status_, WNOHANG) == pid_) running_ = false;
  return running_;
}

void Child::stop(int level) const {
  if (running_) StopSignals::tell(pid_, level);
}

bool Child::ended_well() const { return WIFEXITED(status_) && WEXITSTATUS(status_) == 0; }

std::string Child::how_it_ended() const {
  if (ended_well()) return "done";
  if (WIFEXITED(status_)) return fmt::format("exit {}", WEXITSTATUS(status_));
  const char* const name = ::sigabbrev_np(WTERMSIG(status_));
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", WTERMSIG(status_));
}

}  // namespace murmur::apps
