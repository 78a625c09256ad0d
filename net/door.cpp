#include "net/door.hpp"

#include <utility>

#include "core/key_files.hpp"

namespace murmur::net {

core::Result<Door> read_door(const std::vector<std::filesystem::path>& keys,
                             const std::filesystem::path& trust) {
  Door door;
  for (const std::filesystem::path& file : keys) {
    const auto key = core::read_swarm_key(file);
    if (!key) return tl::make_unexpected(key.error());
    door.keys.push_back(*key);
  }
  if (!trust.empty()) {
    auto list = Trust::open(trust);
    if (!list) return tl::make_unexpected(list.error());
    door.trust = std::move(*list);
  }
  return door;
}

}  // namespace murmur::net
