#include "core/schema.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/rng.hpp"

namespace murmur::core {

std::string Schema::description() const {
  std::string text = model_ + "\n";
  for (const Tensor& tensor : tensors_) {
    text += fmt::format("{} {}\n", tensor.name, fmt::join(tensor.shape, "x"));
  }
  return text + fmt::format("shards of {}\n", shard_);
}

std::uint64_t Schema::hash() const { return hash_name(description()); }

}  // namespace murmur::core
