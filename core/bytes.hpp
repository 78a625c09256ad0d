// Byte buffers. Payload is immutable and shared: the outbox, the socket and the simulator's
// network hold the same bytes. BufferPool hands used buffers out again, because first touching
// fresh memory costs more than the copy into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace murmur::core {

/// std::allocator, but new elements start uninitialised: resizing a pooled buffer that is about to
/// be overwritten must not first write zeros to it.
template <class T>
struct UninitializedAllocator : std::allocator<T> {
  template <class U>
  struct rebind {  // NOLINT(readability-identifier-naming): the name that allocators have
    using other = UninitializedAllocator<U>;
  };
  template <class U>
  void construct(U* p) {
    ::new (static_cast<void*>(p)) U;
  }
  template <class U, class... Args>
  void construct(U* p, Args&&... args) {
    ::new (static_cast<void*>(p)) U(std::forward<Args>(args)...);
  }
};

/// resize() leaves what it adds uninitialised.
using Bytes = std::vector<std::byte, UninitializedAllocator<std::byte>>;
using ByteView = std::span<const std::byte>;
/// Null means "no payload".
using Payload = std::shared_ptr<const Bytes>;

inline ByteView view(const Payload& p) { return p ? ByteView(*p) : ByteView(); }

/// CRC-32C (Castagnoli, RFC 3720 B.4) of `data`, continuing from `crc` (0 to begin).
std::uint32_t crc32c(ByteView data, std::uint32_t crc = 0);

/// Thread rule: any thread; a Payload may be dropped on another thread than took it, and may
/// outlive the pool.
class BufferPool {
 public:
  /// Buffers beyond `keep_max` are freed on return rather than kept.
  explicit BufferPool(std::size_t keep_max = 16);
  /// An empty buffer, with the capacity of an earlier one where there is one.
  Bytes take();
  /// Wraps `bytes`; when the last reference goes they come back to the pool.
  Payload share(Bytes bytes);

 private:
  struct Shelf {
    std::mutex mutex;
    std::size_t keep_max;
    std::vector<Bytes> buffers;
    void put(Bytes bytes);
  };
  std::shared_ptr<Shelf> shelf_;
};

}  // namespace murmur::core
