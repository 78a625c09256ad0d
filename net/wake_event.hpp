// WakeEvent: ends another thread's poll(). An eventfd, so that signal handlers may use it.
// Thread rule: signal() from any thread and from signal handlers; the rest on the polling thread.
#pragma once

namespace murmur::net {

class WakeEvent {
 public:
  WakeEvent();
  ~WakeEvent();
  WakeEvent(const WakeEvent&) = delete;
  WakeEvent& operator=(const WakeEvent&) = delete;

  void signal() noexcept;
  /// Forgets the signals so far.
  void clear() noexcept;
  /// Readable from signal() until clear(); -1 if the process is out of file descriptors.
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace murmur::net
