// What a predictor answers, of every backend.
#include "gpu/predictor.hpp"
#include "replicas_under_test.hpp"

namespace murmur::gpu::test {
namespace {

std::unique_ptr<Predictor> predictor_of(const PredictorSpec& spec, const DeviceUnderTest& device) {
  auto predictor = make_predictor(spec, device.choice);
  if (!predictor) FAIL(predictor.error().message);
  return std::move(*predictor);
}

TEST_CASE("a predictor answers for each row that it is asked of, and for fewer than before") {
  const std::vector<float> parameters{1, 2, 3, 4, 5, 6, 0.5F, -0.5F};
  for (const DeviceUnderTest& device : devices_under_test()) {
    INFO(device.name);
    const auto predictor =
        predictor_of({*core::parse_model("mlp:3-2"), parameters, 2, device.threads}, device);
    CHECK(predictor->rows_max() == 2);
    const auto ask = [&](const std::vector<float>& features) {
      const std::size_t rows = features.size() / 3;
      const auto inputs = predictor->inputs(rows);
      std::copy(features.begin(), features.end(), inputs.begin());
      const auto outputs = predictor->outputs(rows);
      return std::vector<float>(outputs.begin(), outputs.end());
    };
    CHECK(ask({1, 0, 0, 0, 0, 1}) == std::vector<float>{1.5F, 3.5F, 3.5F, 5.5F});
    CHECK(ask({1, 1, 1}) == std::vector<float>{6.5F, 14.5F});
  }
}

TEST_CASE("what a predictor answers costs what the replica says") {
  ReplicaSpec spec = small_classifier(1);
  spec.train = spec.held_out = random_samples(1, 5, 4);
  auto samples = std::make_shared<core::Samples>(*spec.train);
  samples->labels = {2};
  spec.train = spec.held_out = samples;
  for (const DeviceUnderTest& device : devices_under_test()) {
    INFO(device.name);
    const auto replica = make(spec, device);
    const std::vector<float> x = parameters(*replica);
    const auto predictor = predictor_of({spec.model, x, 1, device.threads}, device);
    const auto inputs = predictor->inputs(1);
    std::copy(samples->floats.begin(), samples->floats.end(), inputs.begin());
    const auto z = predictor->outputs(1);
    REQUIRE(z.size() == 3);
    double sum = 0;
    for (const float value : z) sum += std::exp(double{value});
    CHECK(std::log(sum) - double{z[2]} == Approx(replica->evaluate().loss).epsilon(1e-5));
  }
}

}  // namespace
}  // namespace murmur::gpu::test
