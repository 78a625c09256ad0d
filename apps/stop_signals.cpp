#include "apps/stop_signals.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace murmur::apps {
namespace {

/// Carries a parent's word. A real-time signal: two of them in a row are not merged into one.
int word_signal() { return SIGRTMIN; }

[[noreturn]] void die_of(int signal) {
  const int fatal = signal == word_signal() ? SIGTERM : signal;
  ::signal(fatal, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, fatal);
  ::pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  ::raise(fatal);
  ::_exit(128 + fatal);
}

}  // namespace

StopSignals::StopSignals() {
  sigemptyset(&signals_);
  sigaddset(&signals_, word_signal());
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    const bool ignored = before.sa_handler == SIG_IGN;
    if (ignored && signal == SIGHUP) continue;
    // A shell without job control ignores SIGINT for what it runs in the background; what is
    // ignored never becomes pending.
    if (ignored) ::signal(signal, SIG_DFL);
    sigaddset(&signals_, signal);
  }
  ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  watcher_ = std::thread([this] { watch(); });
}

StopSignals::~StopSignals() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  tell(::getpid(), 0);  // wakes the watcher
  watcher_.join();
}

void StopSignals::hold(int last, std::vector<std::filesystem::path> unfinished) {
  const std::lock_guard lock(mutex_);
  last_ = last;
  unfinished_ = std::move(unfinished);
}

void StopSignals::tell(pid_t child, int level) {
  sigval value{};
  value.sival_int = level;
  ::sigqueue(child, word_signal(), value);
}

void StopSignals::watch() {
  int counted = 0;
  int told = 0;
  while (true) {
    siginfo_t info{};
    const int signal = ::sigwaitinfo(&signals_, &info);
    if (signal < 0) continue;  // interrupted
    if (signal != word_signal()) {
      ++counted;
    } else if (info.si_code == SI_QUEUE) {
      told = std::max(told, info.si_value.sival_int);
    }
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    raise_level(signal, std::max(counted, told));
  }
}

void StopSignals::raise_level(int signal, int level) {
  if (level > last_) {
    std::error_code ignored;
    for (const auto& path : unfinished_) std::filesystem::remove(path, ignored);
    die_of(signal);
  }
  while (level_ < level) {
    ++level_;
    if (on_rise_) on_rise_();
  }
}

StopSignals::Listener::Listener(StopSignals& signals, std::function<void()> on_rise)
    : signals_(signals) {
  const std::lock_guard lock(signals_.mutex_);
  for (int i = 0; i < signals_.level_; ++i) on_rise();
  signals_.on_rise_ = std::move(on_rise);
}

StopSignals::Listener::~Listener() {
  const std::lock_guard lock(signals_.mutex_);
  signals_.on_rise_ = nullptr;
}

}  // namespace murmur::apps
