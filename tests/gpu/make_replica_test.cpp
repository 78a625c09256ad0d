// What make_replica() finds fault with, and what only the CPU promises.
#include "replicas_under_test.hpp"

namespace murmur::gpu::test {
namespace {

std::string fault(const ReplicaSpec& spec) {
  const auto replica = make_replica(spec);
  return replica ? "" : replica.error().message;
}

TEST_CASE("a spec that cannot be is refused in one line") {
  const ReplicaSpec good = small_classifier();
  CHECK(fault(good).empty());
  const auto faulty = [&](auto change) {
    ReplicaSpec spec = good;
    change(spec);
    const std::string message = fault(spec);
    CHECK_FALSE(message.empty());
    CHECK(message.find('\n') == std::string::npos);
  };
  faulty([](ReplicaSpec& s) { s.batch = 0; });
  faulty([](ReplicaSpec& s) { s.threads = 0; });
  faulty([](ReplicaSpec& s) { s.train = nullptr; });
  faulty([](ReplicaSpec& s) { s.held_out = nullptr; });
  faulty([](ReplicaSpec& s) { s.classes = 4; });
  faulty([](ReplicaSpec& s) { s.classes = 0; });
  faulty([](ReplicaSpec& s) { s.model = *core::parse_model("mlp:6-3"); });
  faulty([](ReplicaSpec& s) { s.optimizer.learning_rate = 0; });
  faulty([](ReplicaSpec& s) { s.optimizer.learning_rate = std::nanf(""); });
  faulty([](ReplicaSpec& s) { s.optimizer.momentum = 1; });
  faulty([](ReplicaSpec& s) { s.optimizer.weight_decay = -1; });
  faulty([](ReplicaSpec& s) { s.optimizer.norm_max = -1; });
  faulty([](ReplicaSpec& s) {
    s.optimizer.nesterov = true;
    s.optimizer.momentum = 0;
  });
  faulty([](ReplicaSpec& s) {
    s.optimizer.schedule = {.kind = Schedule::Kind::kCosine, .warmup = 10, .horizon = 10};
  });
  faulty([](ReplicaSpec& s) { s.optimizer.schedule = {.kind = Schedule::Kind::kStep}; });
  faulty([](ReplicaSpec& s) { s.initial = std::make_shared<const std::vector<float>>(7); });
  faulty([](ReplicaSpec& s) {
    auto samples = std::make_shared<core::Samples>(*s.train);
    samples->labels[2] = 3;
    s.train = samples;
  });
  faulty([](ReplicaSpec& s) { s.train = random_samples(0, 5, 1); });
  faulty([](ReplicaSpec& s) {
    s.model = *core::parse_model("quadratic:8");
    s.optimizer.kind = OptimizerKind::kAdam;
  });
}

TEST_CASE("an optimizer's array is one for its owner and for all copies until it is trained with") {
  ReplicaSpec spec = small_classifier();
  spec.model = *core::parse_model("mlp:5-300-3");
  const auto donor = make(spec, {"cpu", {}, 1});
  const auto newcomer = make(spec, {"cpu", {}, 1});
  donor->train(3);
  const std::size_t plane = parameters(*donor).size() * sizeof(float);
  const auto momentum = [plane](core::Replica& replica) {
    return replica.snapshot().planes.read(plane, plane);
  };
  const core::Payload shared = momentum(*donor);
  CHECK(momentum(*donor) == shared);
  REQUIRE(newcomer->adopt(donor->snapshot()));
  CHECK(momentum(*newcomer) == shared);
  donor->train(1);
  CHECK(momentum(*donor) != shared);
  CHECK(momentum(*newcomer) == shared);
}

TEST_CASE("the number of threads changes no bit of training") {
  // Large enough that products and loops are shared out.
  ReplicaSpec spec{.model = *core::parse_model("mlp:300-512-3"), .classes = 3, .batch = 200};
  auto samples = random_samples(450, 300, 1);
  for (std::size_t i = 0; i < samples->rows; ++i) {
    samples->labels.push_back(static_cast<std::int32_t>(i % 3));
  }
  spec.train = spec.held_out = samples;
  const auto one = make(spec, {"cpu", {}, 1});
  const auto four = make(spec, {"cpu", {}, 4});
  CHECK(one->train(6).loss == four->train(6).loss);
  CHECK(parameters(*one) == parameters(*four));
  // In another number of rows together.
  CHECK(one->evaluate().loss == four->evaluate().loss);
}

}  // namespace
}  // namespace murmur::gpu::test
