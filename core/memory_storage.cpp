#include <algorithm>

#include "core/storage.hpp"

namespace murmur::core {

Result<std::optional<Identity>> MemoryStorage::identity() const {
  if (!identity_.id) return std::nullopt;
  return identity_;
}

Result<Identity> MemoryStorage::start(PeerId fresh) {
  if (!identity_.id) identity_.id = fresh;
  ++identity_.boot;
  return identity_;
}

Result<Boot> MemoryStorage::raise_boot(Boot past) {
  return identity_.boot = std::max(identity_.boot, past) + 1;
}

Result<void> MemoryStorage::keep(std::string_view, ByteView) { return {}; }

Result<std::optional<Bytes>> MemoryStorage::load() { return checkpoint_; }

Result<void> MemoryStorage::save(ByteView checkpoint) {
  checkpoint_.emplace(checkpoint.begin(), checkpoint.end());
  return {};
}

}  // namespace murmur::core
