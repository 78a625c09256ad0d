// Parts: a long run of bytes as payloads, one after the other, so that each can be sent, kept and
// held by several without being copied.
//
// Thread rule: values; the payloads are immutable.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/bytes.hpp"

namespace murmur::core {

class Parts {
 public:
  /// What is copied in is cut into parts of this size.
  static constexpr std::size_t kSize = std::size_t{256} << 10;

  [[nodiscard]] std::size_t size() const { return parts_.empty() ? 0 : parts_.back().end; }
  /// A copy, as parts of its own.
  void append(ByteView bytes);
  /// Held, not copied; but small ones are joined, as each that is held costs memory of its own, and
  /// one in a buffer far larger than it is copied.
  void append(Payload part);
  /// The first `size` bytes stay.
  void truncate(std::size_t size);

  /// Bytes from `at` < size() on, `most` of them or to the end of their part: the part itself if it
  /// is just that, else a copy.
  [[nodiscard]] Payload read(std::size_t at, std::size_t most) const;
  /// So many bytes from `from` on.
  void copy_to(std::span<std::byte> to, std::size_t from = 0) const;

 private:
  struct Part {
    Payload bytes;
    std::size_t end = 0;  ///< of it and all before
  };
  std::vector<Part> parts_;
};

}  // namespace murmur::core
