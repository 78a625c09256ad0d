// Lane: the compute lane of one peer, a thread that does one Work at a time on the replica.
// Thread rule: start() and take() on the owner's thread; the replica and the storage are the lane's
// from construction to destruction. A finished Work is announced on the WakeEvent.
// Invariant: at most one Work between start() and the take() that gives its result.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "core/bytes.hpp"
#include "core/replica.hpp"
#include "core/result.hpp"
#include "core/storage.hpp"
#include "gossip/effects.hpp"
#include "gossip/work.hpp"
#include "net/wake_event.hpp"

namespace murmur::net {

class Lane {
 public:
  /// All four outlive the lane.
  Lane(core::Replica& replica, core::Storage& storage, core::BufferPool& pool, WakeEvent& done);
  /// Waits for the work that is being done.
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// The lane must be free.
  void start(gossip::Work work);
  /// The result, once it is there. Error: what the replica threw.
  std::optional<core::Result<gossip::WorkDone>> take();

 private:
  void work_until_closed();

  core::Replica& replica_;
  core::Storage& storage_;
  core::BufferPool& pool_;
  WakeEvent& done_;

  std::mutex mutex_;
  std::condition_variable wanted_;
  std::optional<gossip::Work> work_;                      // guarded by mutex_
  std::optional<core::Result<gossip::WorkDone>> result_;  // guarded by mutex_
  bool busy_ = false;                                     // owner's thread only
  bool closed_ = false;                                   // guarded by mutex_
  std::thread thread_;
};

}  // namespace murmur::net
