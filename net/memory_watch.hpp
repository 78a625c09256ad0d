// MemoryWatch: notices that this process grows far beyond what its run may need. ZeroMQ collects
// the frames of a message until its last one is here, however many there are, and tells nobody:
// only the process's size shows it. Thread rule: one thread.
#pragma once

#include <cstddef>

namespace murmur::net {

class MemoryWatch {
 public:
  /// From its size now the process may grow by `bytes_max`.
  explicit MemoryWatch(std::size_t bytes_max);
  ~MemoryWatch();
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;

  /// It has grown by more. Never, where the system does not say how large it is.
  [[nodiscard]] bool too_large() const;
  /// What could be freed was freed: from its size now it may grow again by as much.
  void begin_again();
  [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }

 private:
  [[nodiscard]] std::size_t resident() const;
  std::size_t bytes_max_;
  int statm_;
  std::size_t began_ = 0;
};

}  // namespace murmur::net
