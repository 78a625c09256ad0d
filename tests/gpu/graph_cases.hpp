// What is trained where a step is captured once and repeated: all that differs from step to step.
// The batches of each have as many rows.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "replicas_under_test.hpp"

namespace murmur::gpu::test {

inline constexpr std::uint32_t kGraphSteps = 15;  // over several epochs

/// Six batches an epoch.
inline ReplicaSpec classifier(const OptimizerSpec& optimizer) {
  ReplicaSpec spec = small_classifier(24);
  spec.optimizer = optimizer;
  return spec;
}

/// Three batches an epoch of images of 2 x 4 x 5, augmented, with numbers dropped.
inline ReplicaSpec drawn_images() {
  using namespace core;
  auto images = random_samples(12, 40, 3);
  for (std::int32_t i = 0; i < 12; ++i) images->labels.push_back(i % 3);
  ReplicaSpec spec{.train = images, .held_out = images, .classes = 3, .batch = 4};
  spec.model = make_network("drawn", {2, 4, 5},
                            in_sequence({DropoutSpec{0.2}, MaxPool2dSpec{2, 1}, FlattenSpec{},
                                         DropoutSpec{0.5}, LinearSpec{3}}))
                   .value();
  spec.augment = {.flip = true, .crop = 1};
  return spec;
}

/// Two batches an epoch, which begins elsewhere each time.
inline ReplicaSpec text_by_phases() {
  auto samples = std::make_shared<core::Samples>();
  samples->rows = 6;
  samples->width = 8;
  core::Rng rng(5);
  for (std::size_t i = 0; i < 7 * 8; ++i) {
    samples->tokens.push_back(static_cast<std::uint8_t>(rng.below(256)));
  }
  return {.model = core::parse_model("gpt:layers=1,heads=2,width=16,context=8").value(),
          .train = samples,
          .held_out = samples,
          .classes = 256,
          .optimizer = {.kind = OptimizerKind::kAdam, .learning_rate = 1e-3F},
          .batch = 3};
}

inline std::vector<std::pair<std::string, ReplicaSpec>> graph_cases() {
  ReplicaSpec several = classifier({.nesterov = true});
  several.accumulate = 3;
  return {
      {"a rate that falls", classifier({.schedule = {.kind = Schedule::Kind::kStep, .every = 4}})},
      {"AdamW, warmed up, clipped", classifier({.kind = OptimizerKind::kAdamW,
                                                .learning_rate = 0.01F,
                                                .schedule = {.warmup = 8},
                                                .weight_decay = 0.1F,
                                                .norm_max = 0.1F})},
      {"several batches", several},
      {"what is drawn", drawn_images()},
      {"a text", text_by_phases()},
  };
}

}  // namespace murmur::gpu::test
