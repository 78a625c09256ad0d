#include "core/bytes.hpp"

#include <isa-l/crc.h>

#include <algorithm>

namespace murmur::core {

std::uint32_t crc32c(ByteView data, std::uint32_t crc) {
  constexpr std::size_t kChunk = std::size_t{1} << 30;  // ISA-L takes an int length
  // ISA-L inverts neither at the start nor at the end.
  std::uint32_t state = ~crc;
  while (!data.empty()) {
    const ByteView part = data.first(std::min(data.size(), kChunk));
    // The parameter lacks const in ISA-L's header before 2.31; it only reads.
    auto* bytes = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(part.data()));
    state = crc32_iscsi(bytes, static_cast<int>(part.size()), state);
    data = data.subspan(part.size());
  }
  return ~state;
}

BufferPool::BufferPool(std::size_t keep_max) : shelf_(std::make_shared<Shelf>()) {
  shelf_->keep_max = keep_max;
}

Bytes BufferPool::take() {
  const std::lock_guard lock(shelf_->mutex);
  if (shelf_->buffers.empty()) return {};
  Bytes bytes = std::move(shelf_->buffers.back());
  shelf_->buffers.pop_back();
  bytes.clear();
  return bytes;
}

Payload BufferPool::share(Bytes bytes) {
  auto give_back = [shelf = shelf_](const Bytes* p) {
    const std::unique_ptr<const Bytes> owned(p);
    shelf->put(std::move(*const_cast<Bytes*>(p)));
  };
  return Payload(new Bytes(std::move(bytes)), std::move(give_back));
}

void BufferPool::Shelf::put(Bytes bytes) {
  const std::lock_guard lock(mutex);
  if (buffers.size() < keep_max) buffers.push_back(std::move(bytes));
}

}  // namespace murmur::core
