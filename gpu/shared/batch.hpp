// A data set where the backend can read it, and the mini-batches taken from it. Compiled once a
// backend (gpu/shared/backend.hpp).
//
// Thread rule: the Context's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/dataset.hpp"
#include "gpu/row_order.hpp"
#include "gpu/shared/backend.hpp"
#include "gpu/shared/cells.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// Pointers into the backend's memory; those of what the samples do not have are null.
struct SamplesView {
  const std::uint8_t* bytes;
  float scale;
  const float* floats;
  std::size_t width;
  const std::int32_t* labels;
  const float* targets;
  std::size_t target_width;
  const std::uint8_t* tokens;
  std::size_t phase;           ///< tokens: by how many each row begins later
  std::size_t labels_per_row;  ///< where there are labels

  /// What is to be told of a row at a position.
  [[nodiscard]] MURMUR_HD std::size_t label(std::uint32_t row, std::size_t position) const {
    if (tokens != nullptr) return tokens[row * width + phase + position + 1];
    return static_cast<std::size_t>(labels[row * labels_per_row + position]);
  }
};

class ResidentSamples {
 public:
  ResidentSamples(Context& context, std::shared_ptr<const core::Samples> samples)
      : samples_(std::move(samples)),
        bytes_(context, samples_->bytes),
        floats_(context, samples_->floats),
        labels_(context, samples_->labels),
        targets_(context, samples_->targets),
        tokens_(context, samples_->tokens) {}

  [[nodiscard]] std::size_t rows() const { return samples_->rows; }
  [[nodiscard]] SamplesView view() const {
    return {samples_->bytes.empty() ? nullptr : bytes_.data(),
            samples_->scale,
            floats_.data(),
            samples_->width,
            samples_->labels.empty() ? nullptr : labels_.data(),
            targets_.data(),
            samples_->target_width,
            samples_->tokens.empty() ? nullptr : tokens_.data(),
            0,
            samples_->rows == 0 ? 0 : samples_->labels.size() / samples_->rows};
  }

 private:
  std::shared_ptr<const core::Samples> samples_;  ///< on the CPU the views point into it
  Resident<std::uint8_t> bytes_;
  Resident<float> floats_;
  Resident<std::int32_t> labels_;
  Resident<float> targets_;
  Resident<std::uint8_t> tokens_;
};

struct PickRow {
  RowOrder order;
  std::uint32_t begin;
  std::uint32_t* rows;
  MURMUR_HD void operator()(std::size_t i) const {
    rows[i] = order(begin + static_cast<std::uint32_t>(i));
  }
};

struct CountRow {
  std::uint32_t begin;
  std::uint32_t* rows;
  MURMUR_HD void operator()(std::size_t i) const {
    rows[i] = begin + static_cast<std::uint32_t>(i);
  }
};

struct CopyFloats {
  const float* from;
  const std::uint32_t* rows;
  std::size_t width;
  float* to;
  MURMUR_HD void operator()(std::size_t i, std::size_t j) const {
    to[i * width + j] = from[rows[i] * width + j];
  }
};

struct ScaleBytes {
  const std::uint8_t* from;
  float scale;
  const std::uint32_t* rows;
  std::size_t width;
  float* to;
  MURMUR_HD void operator()(std::size_t i, std::size_t j) const {
    to[i * width + j] = scale * static_cast<float>(from[rows[i] * width + j]);
  }
};

struct TokensToFloats {
  const std::uint8_t* from;
  const std::uint32_t* rows;
  std::size_t width;
  float* to;
  MURMUR_HD void operator()(std::size_t i, std::size_t j) const {
    to[i * width + j] = static_cast<float>(from[rows[i] * width + j]);
  }
};

/// The rows of a mini-batch; their features go, as floats, where the caller says, a row a sample.
class Batch {
 public:
  Batch(Context& context, std::size_t rows_max) : rows_(context, rows_max) {}

  /// The rows at [begin, begin + count) of `order`.
  void gather(Context& context, const SamplesView& samples, const RowOrder& order,
              std::size_t begin, std::size_t count, float* features) {
    for_each_index(context, count, PickRow{order, static_cast<std::uint32_t>(begin), rows_.data()});
    copy_features(context, samples, count, features);
  }
  /// The rows [begin, begin + count) as they lie.
  void gather(Context& context, const SamplesView& samples, std::size_t begin, std::size_t count,
              float* features) {
    for_each_index(context, count, CountRow{static_cast<std::uint32_t>(begin), rows_.data()});
    copy_features(context, samples, count, features);
  }

  [[nodiscard]] const std::uint32_t* rows() const { return rows_.data(); }

 private:
  void copy_features(Context& context, const SamplesView& samples, std::size_t count, float* to) {
    const std::size_t width = samples.width;
    if (samples.tokens != nullptr) {
      for_each_cell(context, count, width,
                    TokensToFloats{samples.tokens + samples.phase, rows_.data(), width, to});
    } else if (samples.bytes != nullptr) {
      for_each_cell(context, count, width,
                    ScaleBytes{samples.bytes, samples.scale, rows_.data(), width, to});
    } else {
      for_each_cell(context, count, width, CopyFloats{samples.floats, rows_.data(), width, to});
    }
  }

  Buffer<std::uint32_t> rows_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
