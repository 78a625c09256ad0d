// Any bytes as a message: the first two say where the head ends. What is read as one is written
// again as it was.
#include <cstdlib>

#include "gossip/wire.hpp"

using namespace murmur;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const core::ByteView all = std::as_bytes(std::span(data + 2, size - 2));
  const std::size_t cut = std::min<std::size_t>(all.size(), data[0] | data[1] << 8);
  core::Bytes head(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(cut));
  const core::ByteView payload = all.subspan(cut);
  const auto header = gossip::wire::peek(head, payload, std::size_t{1} << 20);
  if (!header) return 0;
  (void)gossip::wire::checksum_ok(head, payload);
  const auto body = gossip::wire::parse(*header, head);
  if (!body) return 0;
  // But for the checksum, which chance does not find, and the version.
  core::Bytes again = gossip::wire::encode(*header, *body, payload);
  constexpr std::size_t kCrcAt = 88;
  for (std::size_t i = kCrcAt; i < kCrcAt + 4; ++i) again[i] = head[i];
  if (again != head) std::abort();
  return 0;
}
