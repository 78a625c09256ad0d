// Every layer of every backend: losses and gradients against a network in double, on odd shapes.
#include <cmath>

#include "layer_reference.hpp"
#include "replicas_under_test.hpp"

namespace murmur::gpu::test {
namespace {

using namespace core;

struct Case {
  std::string name;
  Shape input;
  std::vector<Layer> layers;
};

/// `layers` between one that gives their input a gradient and one that takes what they give.
Case image_case(std::string name, Shape input, std::vector<LayerSpec> layers) {
  std::vector<LayerSpec> all{Conv2dSpec{input[0], 1}};
  all.insert(all.end(), layers.begin(), layers.end());
  all.emplace_back(FlattenSpec{});
  all.emplace_back(LinearSpec{3});
  return {std::move(name), std::move(input), in_sequence(all)};
}

std::vector<Case> cases() {
  std::vector<Case> all{
      image_case("conv 3x3", {3, 5, 7}, {Conv2dSpec{4, 3}}),
      image_case("conv padded", {2, 5, 4}, {Conv2dSpec{3, 3, 1, 1}}),
      image_case("conv padded whole", {2, 3, 4}, {Conv2dSpec{3, 3, 1, 2}}),
      image_case("conv stride 2", {2, 7, 6}, {Conv2dSpec{3, 3, 2, 1}}),
      image_case("conv stride 3, even kernel", {1, 8, 9}, {Conv2dSpec{2, 2, 3}}),
      image_case("conv stride past the kernel", {2, 6, 7}, {Conv2dSpec{3, 1, 2}}),
      image_case("conv 5x5 of more outputs than a panel has columns", {1, 6, 6},
                 {Conv2dSpec{35, 5, 1, 2, false}}),
      image_case("conv of rows of 16", {2, 3, 16}, {Conv2dSpec{9, 3, 1, 1}}),
      image_case("conv of rows of 8", {1, 9, 8}, {Conv2dSpec{2, 3, 1, 1}, ReluSpec{}}),
      image_case("conv of one pixel", {3, 1, 1}, {Conv2dSpec{4, 1}}),
      image_case("conv without bias, relu", {2, 4, 4}, {Conv2dSpec{3, 3, 1, 1, false}, ReluSpec{}}),
      image_case("max pool 2", {2, 4, 6}, {MaxPool2dSpec{2, 2}}),
      image_case("max pool of an odd image", {2, 5, 7}, {MaxPool2dSpec{2, 2}}),
      image_case("max pool that overlaps", {2, 5, 7}, {MaxPool2dSpec{3, 2}}),
      image_case("max pool with gaps", {1, 7, 8}, {MaxPool2dSpec{2, 3}}),
      image_case("max pool after relu", {2, 4, 4},
                 {Conv2dSpec{3, 3, 1, 1}, ReluSpec{}, MaxPool2dSpec{2, 2}}),
      image_case("avg pool", {2, 4, 6}, {AvgPool2dSpec{2, 2}}),
      image_case("avg pool that overlaps", {2, 5, 7}, {AvgPool2dSpec{3, 1}}),
      image_case("global avg pool", {5, 3, 7}, {GlobalAvgPoolSpec{}}),
      image_case("group norm", {6, 3, 5}, {GroupNormSpec{3}}),
      image_case("group norm of one group, relu", {4, 3, 3}, {GroupNormSpec{1}, ReluSpec{}}),
      image_case("group norm a channel", {3, 4, 5}, {GroupNormSpec{3}}),
      image_case("relu of an image", {2, 3, 3}, {MaxPool2dSpec{1, 1}, ReluSpec{}}),
      image_case("dropout of nothing", {2, 3, 3}, {DropoutSpec{0}}),
  };
  const auto rows = [](std::string name, std::size_t width, const std::vector<LayerSpec>& layers) {
    return Case{std::move(name), {width}, in_sequence(layers)};
  };
  all.push_back(rows("gelu", 7, {LinearSpec{9}, GeluSpec{}, LinearSpec{3}}));
  all.push_back(rows("layer norm", 5, {LinearSpec{19}, LayerNormSpec{}, LinearSpec{3}}));
  all.push_back(rows("layer norm of one", 5, {LinearSpec{1}, LayerNormSpec{}, LinearSpec{3}}));
  all.push_back(rows("linear without bias", 5,
                     {LinearSpec{6, false}, ReluSpec{}, LinearSpec{4, false}, LinearSpec{3}}));
  all.push_back(rows("attention", 5,
                     {EmbeddingSpec{7, 6}, LinearSpec{18}, AttentionSpec{2}, LinearSpec{4},
                      LayerNormSpec{}, FlattenSpec{}, LinearSpec{3}}));
  all.push_back(rows("attention of more positions than a vector has numbers", 19,
                     {EmbeddingSpec{7, 3}, LinearSpec{9}, AttentionSpec{1}, GeluSpec{},
                      FlattenSpec{}, LinearSpec{3}}));
  // A block of a residual network, whose way round is a convolution.
  all.push_back({"residual block",
                 {3, 6, 5},
                 {{Conv2dSpec{4, 3, 1, 1, false}, "conv1", 0},
                  {GroupNormSpec{2}, "norm1", 1},
                  {ReluSpec{}, "relu1", 2},
                  {Conv2dSpec{6, 3, 2, 1, false}, "conv2", 3},
                  {GroupNormSpec{3}, "norm2", 4},
                  {Conv2dSpec{6, 1, 2, 0, false}, "way", 3},
                  {AddSpec{5}, "sum", 6},
                  {ReluSpec{}, "relu2", 7},
                  {GlobalAvgPoolSpec{}, "pool", 8},
                  {LinearSpec{3}, "fc", 9}}});
  return all;
}

std::shared_ptr<Samples> samples_of(std::size_t rows, std::size_t width, bool classes) {
  auto samples = random_samples(rows, width, 17);
  if (classes) {
    for (std::size_t i = 0; i < rows; ++i) {
      samples->labels.push_back(static_cast<std::int32_t>(i % 3));
    }
  } else {
    samples->target_width = 3;
    samples->targets = random_samples(rows, 3, 18)->floats;
  }
  return samples;
}

/// The initial ones; what begins at a constant is moved away from it.
std::vector<float> some_parameters(const ModelSpec& model, const std::vector<float>& initial) {
  std::vector<float> values = initial;
  Rng rng(23);
  std::size_t at = 0;
  for (const Parameter& parameter : parameters_of(model)) {
    const bool constant = parameter.initial.rule == Initial::Rule::kConstant;
    for (std::size_t i = elements(parameter.shape); i > 0; --i, ++at) {
      if (constant) values[at] += static_cast<float>(rng.uniform() - 0.5);
    }
  }
  return values;
}

/// One step with a learning rate of 1 and nothing else went from `x` to `after`: it subtracted the
/// gradient.
template <class Loss>
void check_slopes(const std::vector<float>& x, const std::vector<float>& after,
                  const Loss& loss_at) {
  Doubles exact(x.begin(), x.end());
  constexpr double kShift = 1e-6;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double here = exact[i];
    exact[i] = here + kShift;
    const double above = loss_at(exact);
    exact[i] = here - kShift;
    const double below = loss_at(exact);
    exact[i] = here;
    const double slope = (above - below) / (2 * kShift);
    const double gradient = double{x[i]} - double{after[i]};
    if (!(std::abs(gradient - slope) <= 2e-5 + 1e-4 * std::abs(slope))) {
      CAPTURE(i, x.size(), gradient, slope);
      FAIL_CHECK("the gradient is not the slope");
    }
  }
}

void check(const Case& c, std::size_t rows, bool classes, const DeviceUnderTest& device) {
  INFO(device.name << ", " << c.name << ", rows " << rows << ", classes " << classes);
  const auto samples = samples_of(rows, elements(c.input), classes);
  if (std::holds_alternative<EmbeddingSpec>(c.layers.front().spec)) {
    for (std::size_t i = 0; i < samples->floats.size(); ++i) {
      samples->floats[i] = static_cast<float>(i * i % 7);
    }
  }
  const auto model = make_network(c.name, c.input, c.layers);
  if (!model) FAIL(model.error().message);
  const ReplicaSpec spec{.model = *model,
                         .train = samples,
                         .held_out = samples,
                         .classes = classes ? 3U : 0U,
                         .optimizer = {.learning_rate = 1.0F, .momentum = 0.0F},
                         .batch = rows};
  const auto replica = make(spec, device);
  const std::vector<float> x = some_parameters(*model, parameters(*replica));
  set_parameters(*replica, spec, x);
  const double evaluated = replica->evaluate().loss;
  const double trained = replica->train(1).loss;
  const std::vector<float> after = parameters(*replica);

  const LayerReference reference(*model);
  const auto loss_at = [&](const Doubles& at) { return reference.loss(at, *samples, classes); };
  const double loss = loss_at(Doubles(x.begin(), x.end()));
  CHECK(trained == Approx(loss).epsilon(1e-5));
  CHECK(evaluated == Approx(loss).epsilon(1e-5));
  check_slopes(x, after, loss_at);
}

TEST_CASE("every layer's gradient is the slope of a loss in double", "[layers]") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    for (const Case& c : cases()) {
      check(c, 1, false, device);
      check(c, 5, true, device);
    }
  }
}

/// Enough work that it is shared out.
ReplicaSpec large_images(std::size_t rows) {
  const auto samples = samples_of(rows, 3 * 32 * 32, true);
  const std::vector<LayerSpec> layers{
      Conv2dSpec{16, 3, 1, 1}, ReluSpec{},        MaxPool2dSpec{2, 2},
      Conv2dSpec{40, 3, 2, 1}, GroupNormSpec{4},  ReluSpec{},
      GlobalAvgPoolSpec{},     DropoutSpec{0.25}, LinearSpec{3}};
  return {.model = make_network("large", {3, 32, 32}, in_sequence(layers)).value(),
          .train = samples,
          .held_out = samples,
          .classes = 3,
          .batch = 11};
}

/// `rows` rows of `context` of a text, and a small model for it.
ReplicaSpec small_text(std::size_t rows, std::size_t context) {
  auto samples = std::make_shared<Samples>();
  Rng rng(29);
  for (std::size_t i = 0; i < (rows + 1) * context; ++i) {
    samples->tokens.push_back(static_cast<std::uint8_t>('a' + rng.below(5)));
  }
  samples->rows = rows;
  samples->width = context;
  const std::string model = "gpt:layers=1,heads=2,width=4,context=" + std::to_string(context);
  return {.model = parse_model(model).value(),
          .train = samples,
          .held_out = samples,
          .classes = 256,
          .batch = rows};
}

TEST_CASE("a text's loss is the mean over all of its positions", "[layers]") {
  ReplicaSpec spec = small_text(3, 5);
  spec.optimizer = {.learning_rate = 1.0F, .momentum = 0.0F};
  const LayerReference reference(spec.model);
  for (const DeviceUnderTest& device : devices_under_test()) {
    INFO(device.name);
    const auto replica = make(spec, device);
    const std::vector<float> x = some_parameters(spec.model, parameters(*replica));
    set_parameters(*replica, spec, x);
    const Doubles exact(x.begin(), x.end());
    CHECK(replica->evaluate().loss ==
          Approx(reference.text_loss(exact, *spec.train, 0)).epsilon(1e-5));
    // Where the rows of the first epoch begin is drawn: one of the phases has the loss.
    const double loss = replica->train(1).loss;
    std::size_t phase = 0;
    while (phase < 5 &&
           std::abs(reference.text_loss(exact, *spec.train, phase) / loss - 1) > 1e-5) {
      ++phase;
    }
    REQUIRE(phase < 5);
    check_slopes(x, parameters(*replica),
                 [&](const Doubles& at) { return reference.text_loss(at, *spec.train, phase); });
  }
}

TEST_CASE("a text's rows begin elsewhere in each epoch", "[layers]") {
  ReplicaSpec spec = small_text(6, 40);
  spec.optimizer = {.learning_rate = 1e-20F, .momentum = 0.0F};
  for (const DeviceUnderTest& device : devices_under_test()) {
    INFO(device.name);
    const auto replica = make(spec, device);
    const double first = replica->train(1).loss;
    CHECK(replica->train(1).loss != first);
    CHECK(replica->evaluate().loss == Approx(first).epsilon(0.05));
  }
}

TEST_CASE("a step's bits do not depend on the threads", "[layers]") {
  ReplicaSpec text = small_text(9, 150);
  text.model = parse_model("gpt:layers=1,heads=3,width=48,context=150").value();
  for (const ReplicaSpec& spec : {large_images(24), text}) {
    std::vector<float> first;
    for (const int threads : {1, 2, 5}) {
      const auto replica = make(spec, {"cpu", {}, threads});
      replica->train(3);
      const std::vector<float> after = parameters(*replica);
      if (first.empty()) first = after;
      CHECK(after == first);
    }
  }
}

TEST_CASE("dropout drops anew at each step, and nothing when evaluating", "[layers]") {
  const auto samples = samples_of(64, 400, false);
  ReplicaSpec spec{.train = samples,
                   .held_out = samples,
                   .optimizer = {.learning_rate = 1e-20F, .momentum = 0.0F},
                   .batch = 64};
  for (const DeviceUnderTest& device : devices_under_test()) {
    INFO(device.name);
    spec.model = make_network("plain", {400}, in_sequence({LinearSpec{3}})).value();
    const auto plain = make(spec, device);
    spec.model =
        make_network("dropout", {400}, in_sequence({DropoutSpec{0.5}, LinearSpec{3}})).value();
    const auto dropping = make(spec, device);
    CHECK(dropping->evaluate().loss == plain->evaluate().loss);
    core::Bytes state;
    dropping->save(state);
    const double first = dropping->train(1).loss;
    const double second = dropping->train(1).loss;
    CHECK(first != second);
    CHECK(first != plain->train(1).loss);
    // The draws are of the optimizer's step, which is in the checkpoint.
    REQUIRE(dropping->load(state));
    CHECK(dropping->train(1).loss == first);
    CHECK(dropping->train(1).loss == second);
    spec.stream = 1;
    CHECK(make(spec, device)->train(1).loss != first);
    spec.stream = 0;
  }
}

}  // namespace
}  // namespace murmur::gpu::test
