#include "net/lane.hpp"

#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include "core/check.hpp"

namespace murmur::net {

Lane::Lane(core::Replica& replica, core::Storage& storage, core::BufferPool& pool, WakeEvent& done)
    : replica_(replica), storage_(storage), pool_(pool), done_(done) {
  thread_ = std::thread([this] { work_until_closed(); });
}

Lane::~Lane() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  wanted_.notify_one();
  thread_.join();
}

void Lane::start(gossip::Work work) {
  CHECK_INVARIANT(!busy_);
  busy_ = true;
  {
    const std::lock_guard lock(mutex_);
    work_ = std::move(work);
  }
  wanted_.notify_one();
}

std::optional<core::Result<gossip::WorkDone>> Lane::take() {
  if (!busy_) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (!result_) return std::nullopt;
  busy_ = false;
  return std::exchange(result_, std::nullopt);
}

void Lane::work_until_closed() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wanted_.wait(lock, [this] { return work_.has_value() || closed_; });
    if (closed_) return;
    gossip::Work work = *std::exchange(work_, std::nullopt);
    lock.unlock();
    core::Result<gossip::WorkDone> result = [&]() -> core::Result<gossip::WorkDone> {
      try {
        const auto began = std::chrono::steady_clock::now();
        gossip::WorkResult done = gossip::perform(std::move(work), replica_, storage_, pool_);
        return gossip::WorkDone{std::move(done), std::chrono::steady_clock::now() - began};
      } catch (const std::exception& error) {
        return core::fail(std::string("the replica failed: ") + error.what());
      }
    }();
    lock.lock();
    result_ = std::move(result);
    done_.signal();
  }
}

}  // namespace murmur::net
