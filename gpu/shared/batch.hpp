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
#include "gpu/shared/backend.hpp"
#include "gpu/shared/batch_choice.hpp"
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
  std::size_t labels_per_row;  ///< where there are labels

  /// What is to be told of a row at a position; a row of tokens begins `phase` later.
  [[nodiscard]] MURMUR_HD std::size_t label(std::uint32_t row, std::size_t position,
                                            std::uint32_t phase) const {
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
  Argument<BatchChoice> choice;
  std::uint32_t* rows;
  MURMUR_HD void operator()(std::size_t i) const {
    rows[i] = choice->order(choice->begin + static_cast<std::uint32_t>(i));
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
  Argument<std::uint32_t> phase;
  const std::uint32_t* rows;
  std::size_t width;
  MURMUR_HD float operator()(std::size_t i, std::size_t j) const {
    return static_cast<float>(from[rows[i] * width + *phase + j]);
  }
};

template <class From>
struct CopyFeatures {
  From from;
  std::size_t width;
  float* to;
  MURMUR_HD void operator()(std::size_t i, std::size_t j) const { to[i * width + j] = from(i, j); }
};

/// What each image of a batch goes through.
struct Augmentation {
  std::size_t lines;  ///< of all channels of an image
  std::size_t height;
  std::size_t columns;
  Augment augment;
  const std::uint64_t* draw;  ///< the batch's, in the backend's memory
};

/// Called for each line of the batch's images and each of its columns.
template <class From>
struct AugmentFeatures {
  From from;
  Augmentation a;
  Argument<std::uint64_t> draw;
  float* to;
  MURMUR_HD void operator()(std::size_t line, std::size_t column) const {
    const std::size_t image = line / a.lines;
    const std::size_t channel = line % a.lines / a.height;
    const std::uint32_t chance =
        codec::rounding_hash(codec::rounding_key(*draw - 1), static_cast<std::uint32_t>(image));
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
  Batch(Context& context, std::size_t rows_max)
      : rows_(context, rows_max), no_phase_(context, 1), phase_(no_phase_.data()) {
    put(context, no_phase_.data(), std::uint32_t{0});
  }

  /// `count` rows as chosen, which is in the backend's memory; augmented, if that is given.
  void gather(Context& context, const SamplesView& samples, const BatchChoice* choice,
              std::size_t count, float* features, const Augmentation* augmentation) {
    for_each_index(context, count, PickRow{Argument(choice), rows_.data()});
    phase_ = &choice->phase;
    copy_features(context, samples, count, features, augmentation);
  }
  /// The rows [begin, begin + count) as they lie.
  void gather(Context& context, const SamplesView& samples, std::size_t begin, std::size_t count,
              float* features) {
    for_each_index(context, count, CountRow{static_cast<std::uint32_t>(begin), rows_.data()});
    phase_ = no_phase_.data();
    copy_features(context, samples, count, features, nullptr);
  }

  [[nodiscard]] const std::uint32_t* rows() const { return rows_.data(); }
  /// Tokens: by how many each row begins later.
  [[nodiscard]] const std::uint32_t* phase() const { return phase_; }

 private:
  void copy_features(Context& context, const SamplesView& s, std::size_t count, float* to,
                     const Augmentation* augmentation) {
    const auto copy_from = [&](auto from) {
      using From = decltype(from);
      if (augmentation != nullptr) {
        const AugmentFeatures<From> augment{from, *augmentation, Argument(augmentation->draw), to};
        for_each_cell(context, count * augmentation->lines, augmentation->columns, augment);
      } else {
        for_each_cell(context, count, s.width, CopyFeatures<From>{from, s.width, to});
      }
    };
    if (s.tokens != nullptr) {
      copy_from(FromTokens{s.tokens, Argument(phase_), rows_.data(), s.width});
    } else if (s.bytes != nullptr) {
      copy_from(FromBytes{s.bytes, s.places, s.scale, rows_.data(), s.width});
    } else {
      copy_from(FromFloats{s.floats, rows_.data(), s.width});
    }
  }

  Buffer<std::uint32_t> rows_;
  Buffer<std::uint32_t> no_phase_;  ///< a zero
  const std::uint32_t* phase_;      ///< in the backend's memory
};

}  // namespace murmur::gpu::MURMUR_BACKEND
