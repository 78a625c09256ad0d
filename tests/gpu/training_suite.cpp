// What a network computes: gradients against finite differences, updates against PyTorch's.
#include <algorithm>
#include <cmath>
#include <map>

#include "core/dataset.hpp"
#include "replicas_under_test.hpp"

namespace murmur::gpu::test {
namespace {

/// One step with a learning rate of 1 and nothing else subtracts the gradient.
void check_gradient(ReplicaSpec spec, const DeviceUnderTest& device) {
  INFO(device.name << ", " << core::to_string(spec.model) << ", classes " << spec.classes);
  spec.optimizer = {.learning_rate = 1.0F, .momentum = 0.0F};
  spec.batch = spec.train->rows;
  const auto replica = make(spec, device);
  const std::vector<float> x = parameters(*replica);
  replica->train(1);
  const std::vector<float> after = parameters(*replica);
  const auto loss_at = [&](std::size_t i, float shift) {
    std::vector<float> moved = x;
    moved[i] += shift;
    set_parameters(*replica, spec, moved);
    return replica->train(1).loss;
  };
  // One of the two sides is free of the kink that a ReLU may have nearby.
  constexpr float kShift = 5e-4F;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double here = loss_at(i, 0);
    const double above = (loss_at(i, kShift) - here) / double{kShift};
    const double below = (here - loss_at(i, -kShift)) / double{kShift};
    const double gradient = double{x[i]} - double{after[i]};
    INFO("parameter " << i << ": gradient " << gradient << ", slopes " << below << ", " << above);
    CHECK(std::min(std::abs(gradient - above), std::abs(gradient - below)) < 2e-3);
  }
}

ReplicaSpec small_regression(const char* model, std::size_t width, std::size_t outputs) {
  auto samples = random_samples(19, width, 5);
  samples->target_width = outputs;
  samples->targets = random_samples(19, outputs, 6)->floats;
  return {.model = *core::parse_model(model), .train = samples, .held_out = samples};
}

/// PyTorch 1.13: nn.Sequential(Linear(1, 1), Linear(1, 1)) from {0.5, 0.25, -0.75, 0.1}, five
/// steps on the four points below, mse_loss.
struct Golden {
  const char* name;
  OptimizerSpec optimizer;
  float parameters[4];
  double mean_loss;
};
const Golden kGolden[] = {
    {"SGD(lr=0.05)",
     {.learning_rate = 0.05F, .momentum = 0.0F},
     {-0.396123856F, -0.214891955F, -0.552632749F, 0.991345525F},
     8.383787822723388},
    {"SGD(lr=0.05, weight_decay=0.1)",
     {.learning_rate = 0.05F, .momentum = 0.0F, .weight_decay = 0.1F},
     {-0.390765458F, -0.212329224F, -0.542199194F, 0.980247855F},
     8.394257926940918},
    {"SGD(lr=0.05, momentum=0.9, weight_decay=0.1)",
     {.learning_rate = 0.05F, .momentum = 0.9F, .weight_decay = 0.1F},
     {-1.52866578F, -0.890737593F, -0.476953268F, 2.38983369F},
     7.7798408508300785},
    {"SGD(lr=0.05, momentum=0.9, nesterov=True)",
     {.learning_rate = 0.05F, .momentum = 0.9F, .nesterov = true},
     {-1.70530725F, -0.732503772F, -0.951308191F, 2.25118899F},
     6.358793163299561},
    {"Adam(lr=0.05)",
     {.kind = OptimizerKind::kAdam, .learning_rate = 0.05F},
     {0.25349623F, 0.00432660803F, -0.507477045F, 0.348564684F},
     11.430707740783692},
    {"Adam(lr=0.05, weight_decay=0.1)",
     {.kind = OptimizerKind::kAdam, .learning_rate = 0.05F, .weight_decay = 0.1F},
     {0.253500342F, 0.00436802581F, -0.507379413F, 0.348523617F},
     11.430710601806641},
    {"AdamW(lr=0.05, weight_decay=0.1)",
     {.kind = OptimizerKind::kAdamW, .learning_rate = 0.05F, .weight_decay = 0.1F},
     {0.243886352F, 0.0009114407F, -0.49180004F, 0.343583614F},
     11.388414573669433},
    {"SGD(lr=0.05, momentum=0.9), clip_grad_norm_(0.5)",
     {.learning_rate = 0.05F, .momentum = 0.9F, .norm_max = 0.5F},
     {0.299292922F, 0.133416027F, -0.583802819F, 0.262396783F},
     12.310100746154784},
    {"AdamW(lr=0.05, weight_decay=0.1), clip_grad_norm_(0.01)",
     {.kind = OptimizerKind::kAdamW,
      .learning_rate = 0.05F,
      .weight_decay = 0.1F,
      .norm_max = 0.01F},
     {0.240050286F, -0.00333182514F, -0.486376017F, 0.346000195F},
     11.380047225952149},
};

TEST_CASE("the gradient is the slope of the loss") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    check_gradient(small_classifier(), device);
    check_gradient(small_regression("mlp:4-7-2", 4, 2), device);
    check_gradient(small_regression("mlp:3-2", 3, 2), device);
    check_gradient(small_regression("linear", 1, 1), device);
  }
}

TEST_CASE("a value that is added again further on has the gradient of both its ways") {
  using namespace core;
  // in -> a(4) -> relu -> b(4) -> + a's relu -> + itself -> c(2), and c + c's own second path
  std::vector<Layer> layers{{LinearSpec{4}, "a", 0}, {ReluSpec{}, "r", 1}, {LinearSpec{4}, "b", 2},
                            {AddSpec{2}, "s", 3},    {AddSpec{4}, "t", 4}, {ReluSpec{}, "u", 5},
                            {LinearSpec{4}, "v", 5}, {AddSpec{6}, "w", 7}, {LinearSpec{2}, "x", 8}};
  ReplicaSpec spec = small_regression("mlp:3-2", 3, 2);
  spec.model = make_network("residual", {3}, layers).value();
  for (const DeviceUnderTest& device : devices_under_test()) check_gradient(spec, device);
}

TEST_CASE("the gradient through a dropout is that of what it drew") {
  using namespace core;
  ReplicaSpec spec = small_regression("mlp:3-2", 3, 2);
  spec.model = make_network("dropout", {3},
                            in_sequence({LinearSpec{8}, DropoutSpec{0.4}, ReluSpec{},
                                         DropoutSpec{0.3}, LinearSpec{2}}))
                   .value();
  for (const DeviceUnderTest& device : devices_under_test()) check_gradient(spec, device);
}

TEST_CASE("every optimizer updates as PyTorch's does") {
  auto samples = std::make_shared<core::Samples>();
  samples->rows = 4;
  samples->width = samples->target_width = 1;
  samples->floats = {1.0F, 2.0F, -1.0F, 0.5F};
  samples->targets = {3.0F, 5.0F, -1.0F, 2.0F};
  for (const DeviceUnderTest& device : devices_under_test()) {
    for (const Golden& golden : kGolden) {
      INFO(device.name << ", " << golden.name);
      const ReplicaSpec spec{.model = *core::parse_model("linear"),
                             .train = samples,
                             .held_out = samples,
                             .optimizer = golden.optimizer,
                             .batch = 4};
      const auto replica = make(spec, device);
      set_parameters(*replica, spec, {0.5F, 0.25F, -0.75F, 0.1F});
      CHECK(replica->train(5).loss == Approx(golden.mean_loss).epsilon(1e-5));
      const std::vector<float> after = parameters(*replica);
      for (std::size_t i = 0; i < 4; ++i) {
        CHECK(after[i] == Approx(golden.parameters[i]).margin(3e-5));
      }
    }
  }
}

TEST_CASE("a long gradient is cut to the norm asked for, a short one left alone") {
  const auto moved = [](const std::vector<float>& a, const std::vector<float>& b) {
    double square = 0;
    for (std::size_t i = 0; i < a.size(); ++i) square += std::pow(double{a[i]} - double{b[i]}, 2);
    return std::sqrt(square);
  };
  for (const DeviceUnderTest& device : devices_under_test()) {
    for (const char* model : {"mlp:5-3", "mlp:5-31-3", "mlp:5-20000-3"}) {
      INFO(device.name << ", " << model);
      ReplicaSpec spec = small_classifier();
      spec.model = *core::parse_model(model);
      spec.optimizer = {.learning_rate = 1.0F, .momentum = 0.0F};
      const auto plain = make(spec, device);
      const std::vector<float> x = parameters(*plain);
      spec.optimizer.norm_max = 0.125F;
      const auto cut = make(spec, device);
      spec.optimizer.norm_max = 1e9F;
      const auto left = make(spec, device);
      for (core::Replica* replica : {plain.get(), cut.get(), left.get()}) replica->train(1);
      REQUIRE(moved(parameters(*plain), x) > 0.25);
      CHECK(moved(parameters(*cut), x) == Approx(0.125).epsilon(1e-3));
      CHECK(parameters(*left) == parameters(*plain));
    }
  }
}

TEST_CASE("a peer alone learns the digits") {
  const auto data = core::load_dataset("digits", 1);
  REQUIRE(data);
  for (const DeviceUnderTest& device : devices_under_test()) {
    const auto replica = make({.model = *core::parse_model("mlp:64-128-10"),
                               .train = std::make_shared<core::Samples>(data->train),
                               .held_out = std::make_shared<core::Samples>(data->held_out),
                               .classes = data->classes},
                              device);
    const double before = replica->evaluate().loss;
    const core::TrainStats first = replica->train(100);
    const core::TrainStats last = replica->train(1400);
    const core::Evaluation after = replica->evaluate();
    INFO(device.name);
    CHECK(first.finite);
    CHECK(last.loss < first.loss);
    CHECK(after.loss < before / 4);
    CHECK(after.accuracy >= 0.97);
  }
}

TEST_CASE("a linear regression finds its line") {
  const auto data = core::load_dataset("linear", 1);
  REQUIRE(data);
  for (const DeviceUnderTest& device : devices_under_test()) {
    const auto replica = make({.model = *core::parse_model("linear"),
                               .train = std::make_shared<core::Samples>(data->train),
                               .held_out = std::make_shared<core::Samples>(data->held_out),
                               .optimizer = {.learning_rate = 0.01F}},
                              device);
    replica->train(2000);
    const std::vector<float> x = parameters(*replica);
    INFO(device.name);
    CHECK(x[0] * x[2] == Approx(2).margin(0.1));
    CHECK(x[1] * x[2] + x[3] == Approx(1).margin(0.1));
    CHECK(std::isnan(replica->evaluate().accuracy));
  }
}

TEST_CASE("bytes with a scale train as the floats they stand for") {
  ReplicaSpec spec = small_classifier();
  auto bytes = std::make_shared<core::Samples>(*spec.train);
  bytes->floats.clear();
  bytes->scale = 0.125F;
  core::Rng rng(3);
  std::vector<std::uint8_t> drawn;
  for (std::size_t i = 0; i < bytes->rows * bytes->width; ++i) {
    drawn.push_back(static_cast<std::uint8_t>(rng.below(256)));
  }
  auto floats = std::make_shared<core::Samples>(*bytes);
  for (const std::uint8_t byte : drawn) {
    floats->floats.push_back(static_cast<float>(byte) * bytes->scale);
  }
  bytes->bytes = drawn;
  for (const DeviceUnderTest& device : devices_under_test()) {
    spec.train = spec.held_out = bytes;
    const auto from_bytes = make(spec, device);
    spec.train = spec.held_out = floats;
    const auto from_floats = make(spec, device);
    INFO(device.name);
    CHECK(from_bytes->train(20).loss == from_floats->train(20).loss);
    CHECK(parameters(*from_bytes) == parameters(*from_floats));
    CHECK(from_bytes->evaluate().loss == from_floats->evaluate().loss);
  }
}

TEST_CASE("rows selected from shared bytes train as if they had been copied") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    std::vector<std::uint8_t> bytes;
    core::Rng rng(3);
    for (std::size_t i = 0; i < 40 * 5; ++i) {
      bytes.push_back(static_cast<std::uint8_t>(rng.below(256)));
    }
    std::vector<std::uint32_t> which;
    for (std::uint32_t i = 0; i < 23; ++i) which.push_back((i * 7) % 40);
    ReplicaSpec spec = small_classifier();
    auto shared = std::make_shared<core::Samples>(*spec.train);
    shared->floats.clear();
    shared->scale = 0.25F;
    shared->bytes = core::ByteRows(bytes).select(which);
    auto copied = std::make_shared<core::Samples>(*shared);
    copied->bytes = shared->bytes.gather(5);
    spec.train = shared;
    spec.held_out = shared;
    const auto a = make(spec, device);
    spec.train = copied;
    const auto b = make(spec, device);
    INFO(device.name);
    CHECK(a->train(9).loss == b->train(9).loss);
    CHECK(parameters(*a) == parameters(*b));
  }
}

TEST_CASE("a step of several batches takes the mean gradient of all their rows") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    // The last batch of each epoch has three rows.
    for (const std::size_t rows : {12U, 15U}) {
      ReplicaSpec spec = small_classifier(rows);
      spec.batch = rows;
      const auto whole = make(spec, device);
      spec.batch = 4;
      spec.accumulate = (rows + 3) / 4;
      const auto parts = make(spec, device);
      INFO(device.name << ", " << rows << " rows");
      const double loss = whole->train(3).loss;
      if (rows == 12) CHECK(parts->train(3).loss == Approx(loss));
      if (rows != 12) parts->train(3);
      const std::vector<float> x = parameters(*whole), y = parameters(*parts);
      for (std::size_t i = 0; i < x.size(); ++i) CHECK(y[i] == Approx(x[i]).margin(1e-5));
      CHECK(parts->snapshot().optimizer_steps == 3);
    }
  }
}

/// An image of 1 x 3 x 4, of which one output tells one target.
ReplicaSpec one_image() {
  using namespace core;
  const auto model = make_network("image", {1, 3, 4}, in_sequence({FlattenSpec{}, LinearSpec{1}}));
  REQUIRE(model);
  auto samples = std::make_shared<Samples>();
  samples->rows = 1;
  samples->width = 12;
  for (int i = 1; i <= 12; ++i) samples->floats.push_back(static_cast<float>(i));
  samples->target_width = 1;
  samples->targets = {1000};
  return {.model = *model,
          .train = samples,
          .held_out = samples,
          .optimizer = {.learning_rate = 1e-3F, .momentum = 0},
          .batch = 1};
}

TEST_CASE("augmented images are moved and turned, each way as often, and only to train on") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    INFO(device.name);
    std::map<std::vector<int>, int> seen;
    constexpr int kTrials = 540;
    for (int trial = 0; trial < kTrials; ++trial) {
      ReplicaSpec spec = one_image();
      spec.seed = static_cast<std::uint64_t>(trial);
      const auto plain = make(spec, device);
      spec.augment = {.flip = true, .crop = 1};
      const auto replica = make(spec, device);
      if (trial == 0) CHECK(replica->evaluate().loss == plain->evaluate().loss);
      const std::vector<float> before = parameters(*replica);
      replica->train(1);
      const std::vector<float> after = parameters(*replica);
      // What a weight moved by is its pixel times what the bias did.
      std::vector<int> image;
      for (std::size_t i = 0; i < 12; ++i) {
        image.push_back(
            static_cast<int>(std::lround((after[i] - before[i]) / (after[12] - before[12]))));
      }
      ++seen[image];
    }
    int kinds = 0;
    for (int flip = 0; flip < 2; ++flip) {
      for (int dy = -1; dy <= 1; ++dy) {
        for (int dx = -1; dx <= 1; ++dx, ++kinds) {
          std::vector<int> image;
          for (int i = 0; i < 12; ++i) {
            const int y = i / 4 + dy, x = (flip == 1 ? 3 - i % 4 : i % 4) + dx;
            image.push_back(y < 0 || y > 2 || x < 0 || x > 3 ? 0 : 4 * y + x + 1);
          }
          INFO("flip " << flip << ", dy " << dy << ", dx " << dx);
          CHECK(seen[image] > kTrials / 18 / 3);
          CHECK(seen[image] < kTrials / 18 * 3);
        }
      }
    }
    CHECK(kinds == 18);
    CHECK(seen.size() == 18);
  }
}

TEST_CASE("a held-out set larger than a chunk is measured whole") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    const ReplicaSpec spec = small_classifier(1001);
    const auto replica = make(spec, device);
    ReplicaSpec whole = spec;
    whole.batch = 1001;  // as one chunk
    const core::Evaluation a = replica->evaluate();
    const core::Evaluation b = make(whole, device)->evaluate();
    INFO(device.name);
    CHECK(a.loss == Approx(b.loss).epsilon(1e-6));
    CHECK(a.accuracy == b.accuracy);
  }
}

TEST_CASE("a step that leaves the finite numbers is reported") {
  ReplicaSpec spec = small_classifier();
  spec.optimizer.learning_rate = 1e38F;
  for (const DeviceUnderTest& device : devices_under_test()) {
    INFO(device.name);
    CHECK_FALSE(make(spec, device)->train(5).finite);
  }
}

TEST_CASE(
    "an optimizer that leaves the finite numbers is reported, as its state could not be loaded") {
  auto samples = std::make_shared<core::Samples>();
  samples->rows = 1;
  samples->width = samples->target_width = 1;
  samples->floats = {1.0F};
  samples->targets = {1e21F};  // the gradient is finite, and its square is not
  const ReplicaSpec spec{.model = *core::parse_model("linear"),
                         .train = samples,
                         .held_out = samples,
                         .optimizer = {.kind = OptimizerKind::kAdam},
                         .batch = 1};
  for (const DeviceUnderTest& device : devices_under_test()) {
    INFO(device.name);
    const auto replica = make(spec, device);
    CHECK_FALSE(replica->train(1).finite);
    core::Bytes state;
    replica->save(state);
    CHECK_FALSE(replica->load(state).has_value());
  }
}

}  // namespace
}  // namespace murmur::gpu::test
