#include "sim/disk.hpp"

#include <algorithm>
#include <utility>

namespace murmur::sim {

Disk::Disk(const FaultPlan& plan, std::size_t index, core::Rng chance)
    : save_fails_(plan.save_fails), torn_(plan.torn), chance_(chance) {
  read_ = std::any_of(plan.crashes.begin(), plan.crashes.end(), [index](const Crash& crash) {
    return crash.peer == index && crash.keep_state && crash.restart_after;
  });
  read_ = read_ || std::any_of(plan.twins.begin(), plan.twins.end(),
                               [index](const Twin& twin) { return twin.peer == index; });
}

core::Result<std::optional<core::Bytes>> Disk::load() { return newest_; }

core::Result<void> Disk::save(core::ByteView checkpoint) {
  if (save_fails_ > 0 && chance_.uniform() < save_fails_) return core::fail("the disk failed");
  if (!read_) return {};
  // The older one's memory is written over.
  std::swap(newest_, before_);
  if (!newest_) newest_.emplace();
  newest_->assign(checkpoint.begin(), checkpoint.end());
  return {};
}

bool Disk::crash() {
  if (torn_ == 0 || chance_.uniform() >= torn_ || !before_) return false;
  newest_ = std::exchange(before_, std::nullopt);
  return true;
}

bool Disk::back_up() {
  if (!*identity()) return false;
  copies_.push_back({*this, newest_, before_});
  return true;
}

void Disk::copy(const Disk& other) {
  MemoryStorage::operator=(other);
  newest_ = other.newest_;
  before_ = other.before_;
}

bool Disk::put_back(std::size_t ago) {
  if (ago >= copies_.size()) return false;
  copies_.resize(copies_.size() - ago);
  const Copy& copy = copies_.back();
  MemoryStorage::operator=(copy.identity);
  newest_ = copy.newest;
  before_ = copy.before;
  return true;
}

void Disk::replace() {
  MemoryStorage::operator=({});
  copies_.clear();
  newest_.reset();
  before_.reset();
}

}  // namespace murmur::sim
