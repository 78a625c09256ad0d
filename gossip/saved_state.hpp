// The machine's part of a checkpoint: what must survive a crash for the exchange rules to hold.
// A local file format (Cereal, native byte order), read only after the storage has verified its
// length and checksum; never sent.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "gossip/links.hpp"

namespace murmur::gossip {

/// What is written: references to the live state.
struct SavedStateView {
  core::PeerId self;
  std::uint64_t schema = 0;
  std::uint64_t step = 0;
  std::uint64_t step_adopted = 0;
  const Lineages& lineages;
  const std::map<core::PeerId, Link>& links;
  const Edges& edges;
};

/// What is read.
struct SavedState {
  std::uint64_t step = 0;
  std::uint64_t step_adopted = 0;
  Lineages lineages;
  std::vector<wire::Member> known;
  Edges edges;
};

core::Bytes write_saved_state(const SavedStateView& view);
/// Allocates no more than `bytes` holds, whatever it claims. Error: truncated, damaged or of
/// another layout; or not one of `self`, in this boot or an earlier one, with this schema.
core::Result<SavedState> read_saved_state(core::ByteView bytes, core::Identity self,
                                          std::uint64_t schema);

}  // namespace murmur::gossip
