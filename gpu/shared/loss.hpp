// LossHead: what a network's outputs cost, and the gradient of that: softmax cross-entropy over the
// classes, or the mean squared error. Compiled once a backend (gpu/shared/backend.hpp).
//
// A kernel handles one row of the outputs a call; it adds the row's loss to a slot of its own, so
// that nothing is summed across threads, and everything is read back once, at the end.
//
// Thread rule: the Context's. Nothing is allocated after construction.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "gpu/shared/backend.hpp"
#include "gpu/shared/batch.hpp"
#include "gpu/shared/cells.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

/// What the losses share: the outputs of `rows` positions, `positions` to a sample, and where their
/// losses go.
struct LossFrame {
  const float* outputs;  ///< [rows x width]
  float* gradient;       ///< likewise, maybe in the outputs' place; null: not asked for
  std::size_t width;
  std::size_t rows;
  std::size_t positions;
  const std::uint32_t* sample;    ///< which sample of the data set one of the batch is
  Argument<std::uint32_t> phase;  ///< Batch::phase()
  double* loss;                   ///< a slot a row, added to
  double weight;                  ///< of a row's loss in its slot

  [[nodiscard]] MURMUR_HD std::size_t label(const SamplesView& samples, std::size_t row) const {
    if (positions == 1) return samples.label(sample[row], 0, *phase);
    return samples.label(sample[row / positions], row % positions, *phase);
  }
};

/// Softmax and cross-entropy: the mean over the rows of -log p(label).
struct CrossEntropyGradient {
  LossFrame frame;
  SamplesView samples;
  MURMUR_HD void operator()(std::size_t row) const {
    const float* z = frame.outputs + row * frame.width;
    float* out = frame.gradient + row * frame.width;
    const std::size_t label = frame.label(samples, row);
    float most = z[0];
    for (std::size_t c = 1; c < frame.width; ++c) {
      if (z[c] > most) most = z[c];
    }
    const float own = z[label] - most;
    float sum = 0.0F;
    for (std::size_t c = 0; c < frame.width; ++c) {
      const float e = expf(z[c] - most);
      out[c] = e;
      sum += e;
    }
    const auto mean = 1.0F / static_cast<float>(frame.rows);
    const float scale = mean / sum;
    for (std::size_t c = 0; c < frame.width; ++c) out[c] *= scale;
    out[label] -= mean;
    frame.loss[row] += frame.weight * static_cast<double>(logf(sum) - own);
  }
};

/// The same without the gradient; counts the rows whose greatest output is their label's.
struct CrossEntropyValue {
  LossFrame frame;
  SamplesView samples;
  std::uint32_t* correct;  ///< a slot a row, added to
  MURMUR_HD void operator()(std::size_t row) const {
    const float* z = frame.outputs + row * frame.width;
    const std::size_t label = frame.label(samples, row);
    std::size_t best = 0;
    for (std::size_t c = 1; c < frame.width; ++c) {
      if (z[c] > z[best]) best = c;
    }
    const float most = z[best];
    float sum = 0.0F;
    for (std::size_t c = 0; c < frame.width; ++c) sum += expf(z[c] - most);
    frame.loss[row] += frame.weight * static_cast<double>(logf(sum) - (z[label] - most));
    correct[row] += best == label ? 1 : 0;
  }
};

/// Mean squared error, over the rows and the outputs.
struct SquaredError {
  LossFrame frame;
  const float* targets;
  MURMUR_HD void operator()(std::size_t row) const {
    const float* y = frame.outputs + row * frame.width;
    float* out = frame.gradient == nullptr ? nullptr : frame.gradient + row * frame.width;
    const float* target = targets + frame.sample[row] * frame.width;
    const float scale = 2.0F / static_cast<float>(frame.width * frame.rows);
    float sum = 0.0F;
    for (std::size_t c = 0; c < frame.width; ++c) {
      const float difference = y[c] - target[c];
      sum += difference * difference;
      if (out != nullptr) out[c] = scale * difference;
    }
    frame.loss[row] += frame.weight * static_cast<double>(sum) / static_cast<double>(frame.width);
  }
};

class LossHead {
 public:
  /// For at most `rows_max` samples, each of `positions` rows of `width` outputs. `classifies`: the
  /// data has labels; else there is one position.
  LossHead(Context& context, bool classifies, std::size_t width, std::size_t positions,
           std::size_t rows_max)
      : classifies_(classifies),
        width_(width),
        positions_(positions),
        loss_(context, rows_max * positions),
        correct_(context, rows_max * positions),
        loss_read_(rows_max * positions),
        correct_read_(rows_max * positions) {}

  [[nodiscard]] bool classifies() const { return classifies_; }
  [[nodiscard]] std::size_t positions() const { return positions_; }

  /// Forgets what was added up.
  void begin(Context& context) {
    fill(context, loss_.data(), loss_.size(), 0.0);
    fill(context, correct_.data(), correct_.size(), 0U);
  }

  /// The gradient of the mean loss of `count` samples, which is added up.
  void differentiate(Context& context, const float* outputs, float* gradient, std::size_t count,
                     const Batch& batch, const SamplesView& samples) {
    const std::size_t rows = count * positions_;
    const LossFrame frame =
        frame_of(outputs, gradient, rows, batch, 1.0 / static_cast<double>(rows));
    if (classifies_) {
      for_each_run(context, rows, width_, CrossEntropyGradient{frame, samples});
    } else {
      for_each_run(context, rows, width_, SquaredError{frame, samples.targets});
    }
  }

  /// Adds up the losses of all rows, and how many are right, in the slots of sample `first` and
  /// those after it.
  void measure(Context& context, const float* outputs, std::size_t first, std::size_t count,
               const Batch& batch, const SamplesView& samples) {
    const std::size_t rows = count * positions_;
    const std::size_t slot = first * positions_;
    LossFrame frame = frame_of(outputs, nullptr, rows, batch, 1.0);
    frame.loss += slot;
    if (classifies_) {
      for_each_run(context, rows, width_,
                   CrossEntropyValue{frame, samples, correct_.data() + slot});
    } else {
      for_each_run(context, rows, width_, SquaredError{frame, samples.targets});
    }
  }

  /// What was added up since begin().
  double read_loss(Context& context) {
    download(context, loss_read_.data(), loss_.data(), loss_read_.size());
    return std::accumulate(loss_read_.begin(), loss_read_.end(), 0.0);
  }
  double read_correct(Context& context) {
    download(context, correct_read_.data(), correct_.data(), correct_read_.size());
    return std::accumulate(correct_read_.begin(), correct_read_.end(), 0.0);
  }

 private:
  LossFrame frame_of(const float* outputs, float* gradient, std::size_t rows, const Batch& batch,
                     double weight) {
    return {outputs,      gradient, width_, rows, positions_, batch.rows(), Argument(batch.phase()),
            loss_.data(), weight};
  }

  bool classifies_;
  std::size_t width_;
  std::size_t positions_;
  Buffer<double> loss_;            ///< a slot a row of the batch
  Buffer<std::uint32_t> correct_;  ///< likewise
  std::vector<double> loss_read_;
  std::vector<std::uint32_t> correct_read_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
