#include "net/memory_watch.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

namespace murmur::net {

MemoryWatch::MemoryWatch(std::size_t bytes_max)
    : bytes_max_(bytes_max), statm_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {
  began_ = resident();
}

MemoryWatch::~MemoryWatch() {
  if (statm_ >= 0) ::close(statm_);
}

bool MemoryWatch::too_large() const { return resident() > began_ + bytes_max_; }

void MemoryWatch::begin_again() {
  malloc_trim(0);
  began_ = resident();
}

/// Bytes; 0 if unknown.
std::size_t MemoryWatch::resident() const {
  std::array<char, 128> text{};
  if (statm_ < 0 || ::pread(statm_, text.data(), text.size() - 1, 0) <= 0) return 0;
  const char* const second = std::strchr(text.data(), ' ');  // the first is the address space
  if (second == nullptr) return 0;
  return std::strtoull(second, nullptr, 10) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace murmur::net
