#include "apps/training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/safetensors.hpp"
#include "core/text.hpp"

namespace murmur::apps {
namespace {

/// The default model of a data set.
core::Result<core::ModelSpec> model_for(const core::Dataset& data) {
  if (data.train.tokens.empty() && data.train.positions() > 1) {
    return core::fail(fmt::format("{}: classes at {} positions a row need a --model", data.name,
                                  data.train.positions()));
  }
  if (data.classes == 0 && data.name != "linear") {
    return core::parse_model(
        fmt::format("mlp:{}-64-{}", data.train.width, data.train.target_width));
  }
  if (data.classes == 0) return core::parse_model("linear");
  if (data.name == "digits") return core::parse_model("mlp:64-128-10");
  if (data.name == "cifar10") return core::parse_model("cnn");
  if (data.name == "text") return core::parse_model("gpt");
  if (data.name == "wav") return core::parse_model(fmt::format("speech:{}", data.classes));
  const char* const hidden = data.name == "mnist" ? "256-128" : "64";
  return core::parse_model(fmt::format("mlp:{}-{}-{}", data.train.width, hidden, data.classes));
}

/// Cuts the text into rows that `model` takes.
core::Result<void> cut_text(const core::ModelSpec& model, core::Dataset& data) {
  if (model.vocabulary() != data.classes) {
    return core::fail(fmt::format("model {} does not take the {} tokens of {}",
                                  core::to_string(model), data.classes, data.name));
  }
  for (core::Samples* const part : {&data.train, &data.held_out}) {
    auto rows = core::in_context(*part, model.inputs());
    if (!rows) return tl::make_unexpected(rows.error());
    *part = *std::move(rows);
  }
  return {};
}

/// Error unless every row of `data` fits `model`.
core::Result<void> check_fit(const core::ModelSpec& model, const core::Dataset& data) {
  const std::string name = core::to_string(model);
  const std::size_t inputs = data.train.width;
  if (model.inputs() != inputs) {
    return core::fail(fmt::format("model {} takes {} features, {} has {}", name, model.inputs(),
                                  data.name, inputs));
  }
  const std::size_t outputs = model.outputs();
  const std::size_t told = model.shapes.back().back();
  if (data.classes > told) {
    return core::fail(fmt::format("model {} tells {} classes apart, {} has {}", name, told,
                                  data.name, data.classes));
  }
  if (data.classes == 0 && data.train.target_width != outputs) {
    return core::fail(fmt::format("model {} gives {} numbers, {} has {} targets", name, outputs,
                                  data.name, data.train.target_width));
  }
  return {};
}

}  // namespace

core::Result<std::shared_ptr<const std::vector<float>>> load_parameters(
    const std::filesystem::path& path, const core::ModelSpec& model) {
  auto read = core::read_safetensors(path, core::make_schema(model));
  if (!read) return tl::make_unexpected(read.error());
  const auto odd =
      std::find_if(read->begin(), read->end(), [](float x) { return !std::isfinite(x); });
  if (odd != read->end()) {
    return core::fail(fmt::format("{}: number {} of {} is not finite", path.string(),
                                  odd - read->begin(), read->size()));
  }
  return std::make_shared<const std::vector<float>>(*std::move(read));
}

core::Result<ModelAndData> load_model_and_data(const Training& training) {
  const bool classes_given = training.model && training.model->text != "linear";
  auto data =
      core::load_dataset(training.data, training.seed,
                         classes_given ? training.model->shapes.back().back() : core::kClassesMax);
  if (!data) return tl::make_unexpected(data.error());
  core::Result<core::ModelSpec> model = model_for(*data);
  if (training.model) model = *training.model;
  if (!model) return tl::make_unexpected(model.error());
  if (!data->train.tokens.empty()) {
    if (auto ok = cut_text(*model, *data); !ok) return tl::make_unexpected(ok.error());
  }
  if (auto fits = check_fit(*model, *data); !fits) return tl::make_unexpected(fits.error());
  if (data->classes > 0) data->classes = model->shapes.back().back();
  if (model->vocabulary() > 0) {
    for (core::Samples* const part : {&data->train, &data->held_out}) {
      part->scale = 1;  // a byte is a token, and no share of 255
      // Tokens are checked once, and are places in memory: they may not change in a mapped file.
      if (!part->bytes.empty()) part->bytes = part->bytes.gather(part->width);
    }
  }
  return ModelAndData{*std::move(model), *std::move(data)};
}

namespace {

bool falls_to_the_end(const gpu::Schedule& schedule) {
  return schedule.kind == gpu::Schedule::Kind::kCosine && schedule.horizon == 0;
}

}  // namespace

core::Result<Task> load_task(const Training& training) {
  if (training.schedule && falls_to_the_end(*training.schedule) && training.steps == 0 &&
      training.epochs == 0) {
    return core::fail("--schedule cosine: it ends nowhere; give cosine:STEPS, --steps or --epochs");
  }
  if (training.model && training.model->closed_form()) {
    if (!training.init.empty()) {
      return core::fail(fmt::format("--init: {} draws its own", core::to_string(*training.model)));
    }
    return Task{*training.model, nullptr, nullptr, 0, nullptr};
  }
  auto loaded = load_model_and_data(training);
  if (!loaded) return tl::make_unexpected(loaded.error());
  auto& [model, data] = *loaded;
  std::shared_ptr<const std::vector<float>> initial;
  if (!training.init.empty()) {
    auto parameters = load_parameters(training.init, model);
    if (!parameters) return core::fail("--init: " + parameters.error().message);
    initial = *std::move(parameters);
  }
  return Task{std::move(model), std::make_shared<const core::Samples>(std::move(data.train)),
              std::make_shared<const core::Samples>(std::move(data.held_out)), data.classes,
              std::move(initial)};
}

core::Result<std::shared_ptr<const core::Samples>> part_of(const Task& task,
                                                           const Training& training,
                                                           std::size_t index, std::size_t count) {
  if (task.model.closed_form() || count == 1) return task.train;
  if (!task.train->tokens.empty()) {
    if (training.dirichlet_alpha > 0)
      return core::fail("--partition dirichlet: a text has no classes");
    auto rows = core::in_context(core::part_of_text(*task.train, index, count), task.train->width);
    if (!rows) return tl::make_unexpected(rows.error());
    return std::make_shared<const core::Samples>(*std::move(rows));
  }
  const core::Partition partition{training.dirichlet_alpha, index, count};
  const auto rows = core::partition_rows(*task.train, task.classes, partition, training.seed);
  if (!rows) return tl::make_unexpected(rows.error());
  return std::make_shared<const core::Samples>(task.train->select(*rows));
}

namespace {

float learning_rate(const Training& training) {
  const bool sgd = training.optimizer.kind == gpu::OptimizerKind::kSgd;
  return training.learning_rate.value_or(sgd ? 0.05F : 0.001F);
}

/// The last step of a peer that trains on `rows` rows; 0: there is none.
std::uint64_t last_step(const Training& training, std::size_t rows) {
  if (training.epochs == 0) return training.steps;
  const std::uint64_t batches = training.epochs * ((rows + training.batch - 1) / training.batch);
  return (batches + training.accumulate - 1) / training.accumulate;
}

/// As asked for: its end is not looked up yet. The closed forms have none but a constant one.
gpu::Schedule asked_schedule(const Training& training) {
  gpu::Schedule schedule;
  const bool closed_form = training.model && training.model->closed_form();
  if (training.schedule) {
    schedule = *training.schedule;
  } else if (!closed_form && training.epochs > 0) {
    schedule.kind = gpu::Schedule::Kind::kCosine;
  }
  schedule.warmup = training.warmup;
  return schedule;
}

gpu::Schedule schedule_of(const Training& training, std::size_t rows) {
  gpu::Schedule schedule = asked_schedule(training);
  if (falls_to_the_end(schedule)) schedule.horizon = last_step(training, rows);
  return schedule;
}

/// What peers compare. Those whose parts have a row more take a step more in as many epochs, which
/// is no difference: so it is the end as it was asked for.
std::string schedule_word(const Training& training) {
  using Kind = gpu::Schedule::Kind;
  const gpu::Schedule schedule = asked_schedule(training);
  std::string word = "constant";
  if (falls_to_the_end(schedule)) {
    word = training.epochs > 0 ? fmt::format("cosine-over-{}-epochs-of-{}", training.epochs,
                                             training.batch * training.accumulate)
                               : fmt::format("cosine:{}", training.steps);
  } else if (schedule.kind == Kind::kCosine) {
    word = fmt::format("cosine:{}", schedule.horizon);
  } else if (schedule.kind == Kind::kStep) {
    word = fmt::format("step:{}:{}", schedule.every, schedule.factor);
  }
  return schedule.warmup > 0 ? fmt::format("{}-after-{}", word, schedule.warmup) : word;
}

/// Whose state a replica can load: nesterov and sgd share theirs.
std::string optimizer_word(const Training& training) {
  switch (training.optimizer.kind) {
    case gpu::OptimizerKind::kAdam:
      return "adam";
    case gpu::OptimizerKind::kAdamW:
      return "adamw";
    case gpu::OptimizerKind::kSgd:
      break;
  }
  const std::string name = training.optimizer.nesterov ? "nesterov" : "sgd";
  return training.momentum == 0.0F ? name + "-without-momentum" : name;
}

}  // namespace

gpu::ReplicaSpec replica_spec(const Task& task, const Training& training,
                              std::shared_ptr<const core::Samples> train, std::uint64_t stream,
                              int threads) {
  gpu::ReplicaSpec spec;
  spec.model = task.model;
  spec.optimizer.schedule = schedule_of(training, train ? train->rows : 0);
  spec.train = std::move(train);
  spec.initial = task.initial;
  spec.held_out = task.held_out;
  spec.classes = task.classes;
  spec.optimizer.kind = training.optimizer.kind;
  spec.optimizer.nesterov = training.optimizer.nesterov;
  spec.optimizer.learning_rate = learning_rate(training);
  spec.optimizer.momentum = training.momentum;
  spec.optimizer.weight_decay = training.weight_decay;
  spec.optimizer.norm_max = training.clip_norm;
  spec.batch = training.batch;
  spec.accumulate = training.accumulate;
  spec.augment = training.augment;
  spec.seed = training.seed;
  spec.stream = stream;
  spec.threads = threads;
  return spec;
}

gossip::Config gossip_config(const Training& training, std::size_t rows) {
  gossip::Config config;
  config.rule = training.rule;
  config.words = {"optimizer=" + optimizer_word(training),
                  fmt::format("lr={}", learning_rate(training)),
                  "schedule=" + schedule_word(training),
                  fmt::format("rule={}", training.rule == gossip::Rule::kNone ? "none" : "average"),
                  fmt::format("seed={}", training.seed)};
  config.steps_max = last_step(training, rows);
  config.duration_max = training.duration;
  config.eval_every = training.eval_every;
  config.exchange_every = training.exchange_every;
  config.offer_codec = training.codecs.offer;
  config.transfer_codec = training.codecs.transfer;
  config.staleness = training.staleness;
  config.settle_max = training.settle;
  config.linger = training.linger;
  return config;
}

}  // namespace murmur::apps
