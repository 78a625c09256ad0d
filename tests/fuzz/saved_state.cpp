// Any bytes as the protocol's part of a checkpoint, and as a whole one. What is read is written,
// and read, again.
#include "gossip/saved_state.hpp"

#include <cstdlib>

#include "gossip/work.hpp"

using namespace murmur;

namespace {
constexpr core::Identity kSelf{{9, 9}, 7};
constexpr std::uint64_t kSchema = 42;
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const core::ByteView bytes = std::as_bytes(std::span(data, size));
  (void)gossip::split_checkpoint(bytes);
  const auto saved = gossip::read_saved_state(bytes, kSelf, kSchema);
  if (!saved) return 0;
  std::map<core::PeerId, gossip::Link> links;
  for (const auto& member : saved->known) links[member.id].address = member.address;
  const core::Bytes again = gossip::write_saved_state(
      {kSelf.id, kSchema, saved->step, saved->step_adopted, saved->lineages, links, saved->edges});
  if (!gossip::read_saved_state(again, kSelf, kSchema)) std::abort();
  return 0;
}
