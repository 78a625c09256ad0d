// A replica's state as bytes: what save() writes and load() takes, one format for every replica
// and backend. Little-endian: a header of 64 bytes, the parameters, the optimizer's arrays, and
// the CRC-32C of all that.
//
// Thread rule: pure functions.
// Invariant: nothing is allocated by what the bytes claim; their length must be the one that the
// reader's own schema and optimizer ask for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/bytes.hpp"
#include "core/replica.hpp"
#include "core/result.hpp"
#include "core/schema.hpp"
#include "gpu/replica_spec.hpp"
#include "gpu/row_order.hpp"

namespace murmur::gpu {

inline constexpr std::size_t kOptimizerSlotsMax = 2;

/// Arrays an optimizer keeps beside the parameters: momentum, or Adam's two moments.
std::size_t optimizer_slots(const OptimizerSpec& spec);

struct ReplicaState {
  std::uint64_t optimizer_steps = 0;
  PlaceInData place;
  std::uint64_t stream = 0;  ///< ReplicaSpec's, which drew the order that the place is in
};

/// Sizes `out` for a state and writes its header; the caller fills state_arrays() and seals.
void begin_state(const ReplicaState& state, const core::Schema& schema, const OptimizerSpec& spec,
                 core::Bytes& out);
/// The parameters, then each of the optimizer's arrays, one after the other.
std::span<float> state_arrays(core::Bytes& out);
void seal_state(core::Bytes& out);

/// Of a replica with that optimizer.
core::StateKind state_kind(const OptimizerSpec& spec);

/// Whether adopted_arrays() has any.
core::Result<void> check_adoption(const core::Snapshot& theirs, const core::StateKind& own,
                                  const core::Schema& schema);
/// The arrays of `own` in `theirs`, checked: the parameters, then the optimizer's, which are zeros
/// where `theirs` is of another kind. (1 + slots) x parameters floats.
core::Result<std::vector<float>> adopted_arrays(const core::Snapshot& theirs,
                                                const core::StateKind& own,
                                                const core::Schema& schema);

/// Checks everything, then copies the arrays into `arrays`: (1 + slots) x parameters floats.
core::Result<ReplicaState> read_state(core::ByteView bytes, const core::Schema& schema,
                                      const OptimizerSpec& spec, std::span<float> arrays);

}  // namespace murmur::gpu
