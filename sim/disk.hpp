// A peer's disk: in memory, it keeps the two newest checkpoints, as core::FileStorage does. Now and
// then it cannot save, and a crash may leave the newest checkpoint torn, so that the one before it
// is what is found.
// Thread rule: one thread.
// Invariant: the only checkpoint there is is never torn.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "core/rng.hpp"
#include "core/storage.hpp"
#include "sim/faults.hpp"

namespace murmur::sim {

class Disk : public core::MemoryStorage {
 public:
  /// What `plan` says of saving and of peer `index`; `chance` draws it.
  Disk(const FaultPlan& plan, std::size_t index, core::Rng chance);

  core::Result<std::optional<core::Bytes>> load() override;
  core::Result<void> save(core::ByteView checkpoint) override;

  /// From now on it saves what it is given.
  void mend() { save_fails_ = 0; }
  /// The machine fails. True: the newest checkpoint is torn.
  bool crash();
  /// All of it is copied elsewhere; true unless there is nothing on it yet.
  bool back_up();
  /// What is on `other`'s disk, and the peer it is of, is on this one too.
  void copy(const Disk& other);
  /// A copy is put back, the one made `ago` before the last, and those after it are forgotten.
  /// False: there is none.
  bool put_back(std::size_t ago);
  /// Another disk, with nothing on it, and no copies.
  void replace();

 private:
  double save_fails_;
  double torn_;
  core::Rng chance_;
  bool read_ = false;  ///< its peer comes back to it; otherwise nothing that is saved is kept
  struct Copy {
    core::MemoryStorage identity;
    std::optional<core::Bytes> newest;
    std::optional<core::Bytes> before;
  };
  std::optional<core::Bytes> newest_;
  std::optional<core::Bytes> before_;
  std::vector<Copy> copies_;
};

}  // namespace murmur::sim
