// The shape of a model as the protocol sees it: one flat array of float parameters, the named
// tensors that are views into it, and the shards it is cut into for exchange.
// Invariants: tensors are contiguous, in order, and cover the array; so do the shards.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/check.hpp"
#include "core/ids.hpp"

namespace murmur::core {

struct Tensor {
  std::string name;                ///< as in PyTorch's state_dict, "0.weight"
  std::vector<std::size_t> shape;  ///< row-major; a weight is [out, in]
  std::size_t offset = 0;          ///< first element in the flat array
  std::size_t size = 0;            ///< elements
};

/// Elements of the flat array.
struct Range {
  std::size_t offset = 0;
  std::size_t size = 0;
};

/// A shard holds at most this many parameters: 1 MiB of fp32, so that one as it is encoded stays in
/// a core's cache on its way, in one frame by the default codecs (10 MiB exchanged over
/// loopback: 6.3 ms so, 7.5 in shards of 2 MiB).
inline constexpr std::size_t kShardParameters = std::size_t{1} << 18;

class Schema {
 public:
  Schema() = default;
  /// `model` is the canonical spec ("mlp:64-128-10").
  Schema(std::string model, std::vector<Tensor> tensors,
         std::size_t shard_parameters = kShardParameters)
      : model_(std::move(model)), tensors_(std::move(tensors)), shard_(shard_parameters) {
    CHECK_INVARIANT(shard_ > 0);
    for (const Tensor& tensor : tensors_) {
      CHECK_INVARIANT(tensor.offset == parameters_);
      parameters_ += tensor.size;
    }
  }

  [[nodiscard]] const std::string& model() const { return model_; }
  [[nodiscard]] const std::vector<Tensor>& tensors() const { return tensors_; }
  [[nodiscard]] std::size_t parameters() const { return parameters_; }
  [[nodiscard]] ShardId shards() const {
    return static_cast<ShardId>((parameters_ + shard_ - 1) / shard_);
  }
  /// `shard` < shards().
  [[nodiscard]] Range shard(ShardId shard) const {
    const std::size_t begin = shard * shard_;
    return {begin, std::min(shard_, parameters_ - begin)};
  }
  /// Equal on two peers iff they may exchange: same model, same tensors, same cut. FNV-1a (64 bits,
  /// draft-eastlake-fnv) of description().
  [[nodiscard]] std::uint64_t hash() const;
  /// A line for the model, for each tensor, and for the cut: docs/protocol.md, "The schema".
  [[nodiscard]] std::string description() const;

 private:
  std::string model_;
  std::vector<Tensor> tensors_;
  std::size_t shard_ = kShardParameters;
  std::size_t parameters_ = 0;
};

}  // namespace murmur::core
