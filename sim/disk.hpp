// A peer's disk: in memory, it keeps the two newest checkpoints, as core::FileStorage does. Now and
// then it cannot save, and a crash may leave the newest checkpoint torn, so that the one before it
// is what is found.
// Thread rule: one thread.
// Invariant: the only checkpoint there is is never torn.
#pragma once

#include <optional>

#include "core/rng.hpp"
#include "core/storage.hpp"
#include "sim/faults.hpp"

namespace murmur::sim {

class Disk : public core::MemoryStorage {
 public:
  /// What `plan` says of saving; `chance` draws it.
  Disk(const FaultPlan& plan, core::Rng chance)
      : save_fails_(plan.save_fails), torn_(plan.torn), chance_(chance) {}

  core::Result<std::optional<core::Bytes>> load() override;
  core::Result<void> save(core::ByteView checkpoint) override;

  /// From now on it saves what it is given.
  void mend() { save_fails_ = 0; }
  /// The machine fails. True: the newest checkpoint is torn.
  bool crash();
  /// Another disk, with nothing on it.
  void replace();

 private:
  double save_fails_;
  double torn_;
  core::Rng chance_;
  std::optional<core::Bytes> newest_;
  std::optional<core::Bytes> before_;
};

}  // namespace murmur::sim
