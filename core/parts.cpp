#include "core/parts.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/check.hpp"

namespace murmur::core {
namespace {

/// Two that are smaller together are joined: holding a part takes some 100 bytes.
constexpr std::size_t kJoinedMax = 4096;

Payload copy_of(ByteView bytes) { return std::make_shared<Bytes>(bytes.begin(), bytes.end()); }

}  // namespace

void Parts::append(ByteView bytes) {
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(kSize, bytes.size()))) {
    const ByteView part = bytes.first(std::min(kSize, bytes.size()));
    parts_.push_back({copy_of(part), size() + part.size()});
  }
}

void Parts::append(Payload part) {
  const std::size_t end = size() + view(part).size();
  if (end == size()) return;
  if (!parts_.empty() && parts_.back().bytes->size() + part->size() <= kJoinedMax) {
    auto joined = std::make_shared<Bytes>(*parts_.back().bytes);
    joined->insert(joined->end(), part->begin(), part->end());
    parts_.back() = {std::move(joined), end};
  } else {
    // A buffer that was used before may be far larger than what is in it.
    const bool spacious = part->capacity() > part->size() + part->size() / 4;
    parts_.push_back({spacious ? copy_of(*part) : std::move(part), end});
  }
}

void Parts::truncate(std::size_t size) {
  while (this->size() > size) {
    const std::size_t begin = this->size() - parts_.back().bytes->size();
    const Payload last = std::move(parts_.back().bytes);
    parts_.pop_back();
    if (begin < size) append(copy_of(view(last).first(size - begin)));
  }
}

Payload Parts::read(std::size_t at, std::size_t most) const {
  CHECK_INVARIANT(at < size());
  const Part& part = *std::upper_bound(parts_.begin(), parts_.end(), at,
                                       [](std::size_t a, const Part& p) { return a < p.end; });
  const ByteView rest = view(part.bytes).last(part.end - at);
  if (rest.size() == part.bytes->size() && rest.size() <= most) return part.bytes;
  return copy_of(rest.first(std::min(most, rest.size())));
}

void Parts::copy_to(std::span<std::byte> to, std::size_t from) const {
  CHECK_INVARIANT(from <= size() && to.size() <= size() - from);
  auto part = std::upper_bound(parts_.begin(), parts_.end(), from,
                               [](std::size_t a, const Part& p) { return a < p.end; });
  for (; !to.empty(); ++part) {
    const ByteView bytes = view(part->bytes).last(part->end - from);
    const std::size_t count = std::min(bytes.size(), to.size());
    std::copy_n(bytes.begin(), count, to.begin());
    to = to.subspan(count);
    from += count;
  }
}

}  // namespace murmur::core
