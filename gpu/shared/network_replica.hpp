// core::Replica for the networks: parameters, gradient and optimizer in the backend's memory, the
// data set beside them. Compiled once a backend (gpu/shared/backend.hpp).
//
// Thread rule: one thread at a time. A step allocates nothing and reads nothing back; train() reads
// the losses and one flag at its end.
// Invariant: what differs from one step to the next (the place in the data, what is drawn, the
// optimizer's numbers) is put into the backend's memory before the step's kernels, which read it
// there. So the calls of run_step() are the same for all steps whose batches have as many rows, and
// on CUDA a graph captured of one of them runs any.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/check.hpp"
#include "core/replica.hpp"
#include "gpu/initial_parameters.hpp"
#include "gpu/replica_spec.hpp"
#include "gpu/replica_state.hpp"
#include "gpu/shared/backend.hpp"
#include "gpu/shared/batch.hpp"
#include "gpu/shared/exchange.hpp"
#include "gpu/shared/finite.hpp"
#include "gpu/shared/loss.hpp"
#include "gpu/shared/network.hpp"
#include "gpu/shared/optimizer.hpp"
#include "gpu/shared/workspace.hpp"

namespace murmur::gpu::MURMUR_BACKEND {

struct AddScaled {
  const float* from;
  float scale;
  float* to;
  MURMUR_HD void operator()(std::size_t i) const { to[i] += scale * from[i]; }
};

struct Scale {
  const float* from;
  float scale;
  float* to;
  MURMUR_HD void operator()(std::size_t i) const { to[i] = scale * from[i]; }
};

class NetworkReplica final : public core::Replica {
 public:
  /// `spec` is one that make_replica() found no fault with.
  NetworkReplica(std::unique_ptr<Context> context, const ReplicaSpec& spec,
                 std::shared_ptr<Workspace> workspace)
      : context_(std::move(context)),
        workspace_(std::move(workspace)),
        spec_(spec),
        schema_(core::make_schema(spec.model, spec.shard_parameters)),
        batch_rows_(std::min(spec.batch, spec.train->rows)),
        rows_max_(std::max(batch_rows_, std::min(rows_evaluated(spec.model), spec.held_out->rows))),
        train_(*context_, spec.train),
        held_out_(*context_, spec.held_out),
        batch_(*context_, rows_max_),
        rows_together_(std::min(rows_max_, rows_evaluated_together(*context_))),
        network_(spec.model, schema_, batch_rows_, rows_together_),
        loss_(*context_, spec.classes > 0, spec.classes > 0 ? spec.classes : network_.width(),
              spec.classes > 0 ? network_.width() / spec.classes : 1, rows_max_),
        optimizer_(*context_, spec.optimizer, schema_.parameters()),
        exchange_(*context_),
        not_finite_(*context_, 1),
        choices_(*context_, spec.accumulate),
        rows_taken_(spec.accumulate) {
    set_place({});
    // One that stands alone has all that it needs from the start, or is told at once that it
    // cannot.
    if (!spec.workspace) enter();
  }

  [[nodiscard]] const core::Schema& schema() const override { return schema_; }
  [[nodiscard]] core::StateKind state_kind() const override {
    return gpu::state_kind(spec_.optimizer);
  }

  core::TrainStats train(std::uint32_t steps) override {
    enter();
    loss_.begin(*context_);
    for (std::uint32_t i = 0; i < steps; ++i) {
      begin_step();
      run_step();
    }
    const auto batches = static_cast<double>(std::max<std::uint32_t>(steps, 1) * spec_.accumulate);
    const double loss = loss_.read_loss(*context_) / batches;
    return {.loss = loss, .finite = std::isfinite(loss) && state_finite()};
  }

  /// Chooses what the next step takes, and puts it where run_step() will read it. From now on the
  /// step counts as taken.
  void begin_step() {
    // A newcomer that copies the optimizer's steps goes on with draws of its own.
    const std::uint64_t first = core::Rng(spec_.seed, spec_.stream, "layers").next() +
                                optimizer_.steps() * spec_.accumulate;
    for (std::size_t i = 0; i < spec_.accumulate; ++i) {
      if (place_.position >= train_.rows()) set_place({place_.epoch + 1, 0});
      rows_taken_[i] = std::min<std::size_t>(batch_rows_, train_.rows() - place_.position);
      put(*context_, choices_.data() + i,
          BatchChoice{order_, static_cast<std::uint32_t>(place_.position),
                      static_cast<std::uint32_t>(phase_), core::mix64(first + i)});
      place_.position += rows_taken_[i];
    }
    optimizer_.begin_step(*context_);
  }

  /// The step that begin_step() has chosen, in the memory that a train() before has made ready.
  void run_step() {
    float* const gradient = workspace_->data() + network_.memory_size();
    if (spec_.accumulate == 1) {
      differentiate_batch(gradient, 0);
    } else {
      // Each row counts as much, though the last batch of an epoch may have fewer.
      const std::size_t n = schema_.parameters();
      float* const sum = gradient + n;
      std::size_t rows = 0;
      fill(*context_, sum, n, 0.0F);
      for (std::size_t i = 0; i < spec_.accumulate; ++i) {
        differentiate_batch(gradient, i);
        rows += rows_taken_[i];
        for_each_index(*context_, n, AddScaled{gradient, static_cast<float>(rows_taken_[i]), sum});
      }
      for_each_index(*context_, n, Scale{sum, 1.0F / static_cast<float>(rows), gradient});
    }
    optimizer_.step(*context_, parameters_.data(), gradient);
  }

  core::Evaluation evaluate() override {
    enter();
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::size_t rows = held_out_.rows();
    if (rows == 0) return {.loss = nan, .accuracy = nan};
    loss_.begin(*context_);
    const SamplesView samples = held_out_.view();
    // The slots of the losses are as many however many rows are together, so that the sums are too.
    for (std::size_t begin = 0, count = 0; begin < rows; begin += count) {
      const std::size_t slot = begin % rows_max_;
      count = std::min({rows_together_, rows_max_ - slot, rows - begin});
      batch_.gather(*context_, samples, begin, count, network_.input(Mode::kEvaluating));
      network_.forward(*context_, Mode::kEvaluating, parameters_.data(), count);
      loss_.measure(*context_, network_.output(Mode::kEvaluating), slot, count, batch_, samples);
    }
    const auto total = static_cast<double>(rows * loss_.positions());
    core::Evaluation result{.loss = loss_.read_loss(*context_) / total, .accuracy = nan};
    if (loss_.classifies()) result.accuracy = loss_.read_correct(*context_) / total;
    return result;
  }

  core::Codec offer(core::ShardId shard, core::Codec codec, core::Bytes& out) override {
    prepare();
    const core::Range range = schema_.shard(shard);
    return exchange_.offer(parameters_.data() + range.offset, range.size, codec, out);
  }

  core::Result<core::MixStats> respond(core::ShardId shard, core::Codec offer_codec,
                                       core::ByteView offer, core::Codec& codec, std::uint64_t seed,
                                       float weight, core::Bytes& out) override {
    prepare();
    const core::Range range = schema_.shard(shard);
    return exchange_.respond(parameters_.data() + range.offset, range.size, offer_codec, offer,
                             codec, seed, weight, out);
  }

  core::Result<core::MixStats> absorb(core::ShardId shard, core::Codec codec, core::ByteView q,
                                      float weight) override {
    prepare();
    const core::Range range = schema_.shard(shard);
    return exchange_.absorb(parameters_.data() + range.offset, range.size, codec, q, weight);
  }

  void save(core::Bytes& out) override {
    prepare();
    begin_state({optimizer_.steps(), place_, spec_.stream}, schema_, spec_.optimizer, out);
    read_arrays(state_arrays(out).data());
    seal_state(out);
  }

  core::Result<void> load(core::ByteView state) override {
    context_->activate();
    const std::size_t n = schema_.parameters();
    std::vector<float> arrays((1 + optimizer_.slots()) * n);
    const auto read = read_state(state, schema_, spec_.optimizer, arrays);
    if (!read) return tl::make_unexpected(read.error());
    write_arrays(arrays.data());
    optimizer_.set_steps(read->optimizer_steps);
    spec_.stream = read->stream;
    set_place(read->place);
    return {};
  }

  core::Snapshot snapshot() override {
    prepare();
    core::Snapshot own{state_kind(), optimizer_.steps(), {}};
    append_array(parameters_.data(), own.planes);
    for (std::size_t i = 0; i < optimizer_.slots(); ++i) {
      Slot& slot = optimizer_.slot(i);
      if (!slot.give(*context_, own.planes)) append_array(slot.data(), own.planes);
    }
    return own;
  }

  core::Result<void> adopt(const core::Snapshot& theirs) override {
    context_->activate();
    const core::StateKind own = state_kind();
    if (auto ok = check_adoption(theirs, own, schema_); !ok) return ok;
    if (parameters_.size() == 0) allocate();
    copy_plane(theirs.planes, 0, parameters_.data());
    if (theirs.kind != own) optimizer_.clear(*context_);
    for (std::size_t i = 0; theirs.kind == own && i < optimizer_.slots(); ++i) {
      Slot& slot = optimizer_.slot(i);
      const std::size_t plane = 1 + i;
      if (slot.take(theirs.planes, plane * schema_.parameters() * sizeof(float))) continue;
      copy_plane(theirs.planes, plane, slot.own(*context_));
    }
    // Adam's count corrects the bias of its own moments, which begin anew.
    const bool counts = theirs.kind == own || own.optimizer == core::Optimizer::kSgd;
    optimizer_.set_steps(counts ? theirs.optimizer_steps : 0);
    return {};
  }

  void read_parameters(std::span<float> out) override {
    CHECK_INVARIANT(out.size() == schema_.parameters());
    prepare();
    download(*context_, out.data(), parameters_.data(), out.size());
  }

 private:
  /// Held-out rows with slots of their own for what they cost, of so many numbers at the model's
  /// widest: as many at most are looked at together, which bounds the memory of activations.
  static std::size_t rows_evaluated(const core::ModelSpec& model) {
    constexpr std::size_t kRowsMax = 256;
    constexpr std::size_t kNumbersMax = std::size_t{1} << 22;
    std::size_t widest = 1;
    for (const core::Shape& shape : model.shapes) widest = std::max(widest, core::elements(shape));
    return std::clamp<std::size_t>(kNumbersMax / widest, 1, kRowsMax);
  }

  /// The planes of state_kind(), one after the other.
  void read_arrays(float* to) {
    const std::size_t n = schema_.parameters();
    download(*context_, to, parameters_.data(), n);
    for (std::size_t i = 0; i < optimizer_.slots(); ++i) {
      download(*context_, to + (1 + i) * n, optimizer_.slot(i).data(), n);
    }
  }
  /// In parts of their own, without a copy of the whole on the way.
  void append_array(const float* array, core::Parts& to) {
    constexpr std::size_t kMost = core::Parts::kSize / sizeof(float);
    const std::size_t n = schema_.parameters();
    for (std::size_t begin = 0; begin < n; begin += kMost) {
      const std::size_t count = std::min(kMost, n - begin);
      auto part = std::make_shared<core::Bytes>(count * sizeof(float));
      download(*context_, reinterpret_cast<float*>(part->data()), array + begin, count);
      to.append(core::Payload(std::move(part)));
    }
  }
  /// One of a state's planes, without a copy of the whole on the way.
  void copy_plane(const core::Parts& from, std::size_t plane, float* to) {
    constexpr std::size_t kMost = std::size_t{1} << 14;
    const std::size_t n = schema_.parameters();
    std::vector<float> window(std::min(kMost, n));
    for (std::size_t begin = 0; begin < n; begin += kMost) {
      const auto values = std::span(window).first(std::min(kMost, n - begin));
      from.copy_to(std::as_writable_bytes(values), (plane * n + begin) * sizeof(float));
      upload(*context_, to + begin, values.data(), values.size());
    }
  }
  void write_arrays(const float* from) {
    if (parameters_.size() == 0) allocate();
    const std::size_t n = schema_.parameters();
    upload(*context_, parameters_.data(), from, n);
    for (std::size_t i = 0; i < optimizer_.slots(); ++i) {
      upload(*context_, optimizer_.slot(i).own(*context_), from + (1 + i) * n, n);
    }
  }

  /// Before what needs the parameters. In a fleet they are drawn this late, as a newcomer has no
  /// use for its own, nor for the memory of any until it takes over a neighbour's.
  void prepare() {
    context_->activate();
    if (parameters_.size() > 0) return;
    allocate();
    const std::vector<float> initial =
        spec_.initial ? *spec_.initial : initial_parameters(spec_.model, spec_.seed);
    upload(*context_, parameters_.data(), initial.data(), initial.size());
    optimizer_.clear(*context_);
  }

  void allocate() {
    parameters_ = Buffer<float>(*context_, schema_.parameters());
    optimizer_.allocate(*context_);
  }

  /// Before what needs the workspace, which another replica may have made larger: the network's
  /// memory, the gradient, and where a step has several batches the sum of theirs.
  void enter() {
    prepare();
    const std::size_t gradients = spec_.accumulate > 1 ? 2 : 1;
    workspace_->reserve(*context_, network_.memory_size() + gradients * schema_.parameters());
    network_.use(workspace_->data());
  }

  void set_place(PlaceInData place) {
    place_ = place;
    order_ =
        RowOrder(spec_.seed, spec_.stream, place.epoch, static_cast<std::uint32_t>(train_.rows()));
    // A text's rows begin elsewhere in each epoch, so that every place is a row's first one once.
    core::Rng rng(core::mix64(spec_.seed) + place.epoch, spec_.stream, "phase");
    phase_ = rng.below(spec_.train->width);
  }

  /// Of the step's batch `which`.
  void differentiate_batch(float* gradient, std::size_t which) {
    const std::size_t rows = rows_taken_[which];
    const BatchChoice* const choice = choices_.data() + which;
    const SamplesView samples = train_.view();
    const std::optional<Augmentation> augmentation = augmentation_by(&choice->draw);
    batch_.gather(*context_, samples, choice, rows, network_.input(Mode::kTraining),
                  augmentation ? &*augmentation : nullptr);
    network_.forward(*context_, Mode::kTraining, parameters_.data(), rows, &choice->draw);
    loss_.differentiate(*context_, network_.output(Mode::kTraining), network_.output_gradient(),
                        rows, batch_, samples);
    network_.backward(*context_, parameters_.data(), rows, gradient, &choice->draw);
  }

  [[nodiscard]] std::optional<Augmentation> augmentation_by(const std::uint64_t* draw) const {
    if (!spec_.augment.any()) return std::nullopt;
    const core::Shape& image = spec_.model.shapes.front();
    return Augmentation{image[0] * image[1], image[1], image[2], spec_.augment, draw};
  }

  /// What save() writes could be loaded.
  bool state_finite() {
    fill(*context_, not_finite_.data(), 1, 0U);
    const std::size_t n = schema_.parameters();
    const std::size_t blocks = (n + FlagNotFinite::kBlock - 1) / FlagNotFinite::kBlock;
    for_each_index(*context_, blocks, FlagNotFinite{parameters_.data(), n, not_finite_.data()});
    for (std::size_t i = 0; i < optimizer_.slots(); ++i) {
      for_each_index(*context_, blocks,
                     FlagNotFinite{optimizer_.slot(i).data(), n, not_finite_.data()});
    }
    std::uint32_t flag = 0;
    download(*context_, &flag, not_finite_.data(), 1);
    return flag == 0;
  }

  std::unique_ptr<Context> context_;
  std::shared_ptr<Workspace> workspace_;
  ReplicaSpec spec_;
  core::Schema schema_;
  std::size_t batch_rows_;
  std::size_t rows_max_;
  ResidentSamples train_;
  ResidentSamples held_out_;
  Batch batch_;
  std::size_t rows_together_;
  Network network_;
  LossHead loss_;
  Optimizer optimizer_;
  ExchangeKernels exchange_;
  Buffer<float> parameters_;  ///< none until they are drawn or taken over
  Buffer<std::uint32_t> not_finite_;
  PlaceInData place_;
  RowOrder order_;         ///< of place_.epoch
  std::size_t phase_ = 0;  ///< likewise
  // Of each batch of the step:
  Buffer<BatchChoice> choices_;
  std::vector<std::size_t> rows_taken_;
};

}  // namespace murmur::gpu::MURMUR_BACKEND
