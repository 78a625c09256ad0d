// A data set where the backend can read it, and the mini-batches taken from it. Compiled once a
// backend (gpu/shared/backend.hpp).
//
// Thread rule: the Context's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/dataset.hpp"
#include "gpu/replica_spec.hpp"
#include "gpu/row_order.hpp"
#include "gpu/shared/backend.hpp"
#include "gpu/shared/cells.hpp"
#include "gpu/shared/codec_math.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// Pointers into the backend's memory; those of what the samples do not have are null.
struct SamplesView {
  const std::uint8_t* bytes;
  const std::uint32_t* places;  ///< of each row of bytes; null: one lies after the other
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
        bytes_(context, samples_->bytes, samples_->width),
        floats_(context, samples_->floats),
        labels_(context, samples_->labels),
        targets_(context, samples_->targets),
        tokens_(context, samples_->tokens) {}

  [[nodiscard]] std::size_t rows() const { return samples_->rows; }
  [[nodiscard]] SamplesView view() const {
    return {samples_->bytes.empty() ? nullptr : bytes_.data(),
            bytes_.places(),
            samples_->scale,
            floats_.data(),
            samples_->width,
            samples_->labels.empty() ? nullptr : labels_.data(),
            targets_.data(),
            samples_->target_width,
            samples_->tokens.empty() ? nullptr : tokens_.data(),
            0,
            samples_->positions()};
  }

 private:
  std::shared_ptr<const core::Samples> samples_;  ///< on the CPU the views point into it
  ResidentRows bytes_;
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

// Where the features of a batch's row come from: number `j` of row `i`.
struct FromFloats {
  const float* from;
  const std::uint32_t* rows;
  std::size_t width;
  MURMUR_HD float operator()(std::size_t i, std::size_t j) const {
    return from[rows[i] * width + j];
  }
};
struct FromBytes {
  const std::uint8_t* from;
  const std::uint32_t* places;
  float scale;
  const std::uint32_t* rows;
  std::size_t width;
  MURMUR_HD float operator()(std::size_t i, std::size_t j) const {
    const std::size_t row = places == nullptr ? rows[i] : places[rows[i]];
    return scale * static_cast<float>(from[row * width + j]);
  }
};
struct FromTokens {
  const std::uint8_t* from;
  const std::uint32_t* rows;
  std::size_t width;
  MURMUR_HD float operator()(std::size_t i, std::size_t j) const {
    return static_cast<float>(from[rows[i] * width + j]);
  }
};

template <class From>
struct CopyFeatures {
  From from;
  std::size_t width;
  float* to;
  MURMUR_HD void operator()(std::size_t i, std::size_t j) const { to[i * width + j] = from(i, j); }
};

/// What each image of a batch goes through, drawn from `key`.
struct Augmentation {
  std::size_t lines;  ///< of all channels of an image
  std::size_t height;
  std::size_t columns;
  Augment augment;
  codec::RoundingKey key;
};

/// Called for each line of the batch's images and each of its columns.
template <class From>
struct AugmentFeatures {
  From from;
  Augmentation a;
  float* to;
  MURMUR_HD void operator()(std::size_t line, std::size_t column) const {
    const std::size_t image = line / a.lines;
    const std::size_t channel = line % a.lines / a.height;
    const std::uint32_t chance = codec::rounding_hash(a.key, static_cast<std::uint32_t>(image));
    const bool flips = a.augment.flip && (chance & 1U) != 0;
    const auto moves = static_cast<std::uint32_t>(2 * a.augment.crop + 1);
    const std::size_t y = line % a.height + (chance >> 1) % 32768U % moves;
    const std::size_t x = (flips ? a.columns - 1 - column : column) + (chance >> 16) % moves;
    const bool outside = y < a.augment.crop || y >= a.height + a.augment.crop ||
                         x < a.augment.crop || x >= a.columns + a.augment.crop;
    to[line * a.columns + column] =
        outside ? 0.0F
                : from(image,
                       (channel * a.height + y - a.augment.crop) * a.columns + x - a.augment.crop);
  }
};

/// The rows of a mini-batch; their features go, as floats, where the caller says, a row a sample.
class Batch {
 public:
  Batch(Context& context, std::size_t rows_max) : rows_(context, rows_max) {}

  /// The rows at [begin, begin + count) of `order`; augmented, if that is given.
  void gather(Context& context, const SamplesView& samples, const RowOrder& order,
              std::size_t begin, std::size_t count, float* features,
              const Augmentation* augmentation = nullptr) {
    for_each_index(context, count, PickRow{order, static_cast<std::uint32_t>(begin), rows_.data()});
    copy_features(context, samples, count, features, augmentation);
  }
  /// The rows [begin, begin + count) as they lie.
  void gather(Context& context, const SamplesView& samples, std::size_t begin, std::size_t count,
              float* features) {
    for_each_index(context, count, CountRow{static_cast<std::uint32_t>(begin), rows_.data()});
    copy_features(context, samples, count, features, nullptr);
  }

  [[nodiscard]] const std::uint32_t* rows() const { return rows_.data(); }

 private:
  void copy_features(Context& context, const SamplesView& s, std::size_t count, float* to,
                     const Augmentation* augmentation) {
    const auto copy_from = [&](auto from) {
      if (augmentation != nullptr) {
        for_each_cell(context, count * augmentation->lines, augmentation->columns,
                      AugmentFeatures<decltype(from)>{from, *augmentation, to});
      } else {
        for_each_cell(context, count, s.width, CopyFeatures<decltype(from)>{from, s.width, to});
      }
    };
    if (s.tokens != nullptr) {
      copy_from(FromTokens{s.tokens + s.phase, rows_.data(), s.width});
    } else if (s.bytes != nullptr) {
      copy_from(FromBytes{s.bytes, s.places, s.scale, rows_.data(), s.width});
    } else {
      copy_from(FromFloats{s.floats, rows_.data(), s.width});
    }
  }

  Buffer<std::uint32_t> rows_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
