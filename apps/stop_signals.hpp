// The signals that ask a process to stop: SIGINT, SIGTERM and SIGHUP, all alike (SIGHUP not where
// it was ignored at the start, as under nohup), and a parent's word (tell()).
//
// They are blocked in every thread and taken by a thread of its own, so nothing runs inside a
// signal handler and nothing that is being destroyed is called. What has been asked so far is a
// *level*:
//   0  nothing      1  end in good order      2  end soon      3  (one past the last) die of it
// Each signal that comes from outside counts one; a parent's word says a level. The level is the
// larger of the count and the word, so that a process whose whole group is signalled, and whose
// parent passes the signal on too, has been asked once.
//
// Thread rule: made on the first thread before there are others, which inherit the block; level()
// and tell() from any thread. Made once a process.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace murmur::apps {

constexpr const char* kStoppedBefore = "stopped before it began";

class StopSignals {
 public:
  /// Until hold() the first signal ends the process as it would any other.
  StopSignals();
  /// From then on the signals are of no effect.
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// From now on levels up to `last` are counted; the next signal removes the files `unfinished`,
  /// whose writing it interrupts, and ends the process as it would any other.
  void hold(int last, std::vector<std::filesystem::path> unfinished = {});
  [[nodiscard]] int level() const { return level_.load(); }

  /// While it lives, `on_rise` is called once for every level reached, those before it included,
  /// on the thread that makes it or on the signals' own.
  class Listener {
   public:
    Listener(StopSignals& signals, std::function<void()> on_rise);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

   private:
    StopSignals& signals_;
  };

  /// Tells a child, made after this process's StopSignals, that it is asked to stop at `level`.
  static void tell(pid_t child, int level);

 private:
  void watch();
  void raise_level(int signal, int level);

  sigset_t signals_{};
  std::atomic<int> level_{0};
  std::mutex mutex_;  ///< of what follows
  int last_ = 0;
  std::vector<std::filesystem::path> unfinished_;
  std::function<void()> on_rise_;
  bool closed_ = false;
  std::thread watcher_;
};

}  // namespace murmur::apps
