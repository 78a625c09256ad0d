#include "apps/mean_model.hpp"

#include <cmath>
#include <fstream>

#include "apps/training.hpp"
#include "core/safetensors.hpp"
#include "gpu/replica_spec.hpp"
#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::testing {
namespace {

TEST_CASE("the mean of replicas is saved as a model, and says what it is") {
  const TempDir dir;
  const auto schema = core::make_schema(core::parse_model("mlp:1-1-1").value());
  const std::vector<float> one{1, 2, 3, 4};
  const std::vector<float> other{3, 2, -3, 5};
  REQUIRE(apps::write_mean(dir / "mean.safetensors", schema, apps::mean_of({one, other})));
  CHECK(core::read_safetensors(dir / "mean.safetensors", schema).value() ==
        std::vector<float>{2, 2, 0, 4.5F});
  CHECK(core::read_tensor_file(dir / "mean.safetensors", 4096)->metadata.at("mean_of") ==
        "2 replicas");
}

TEST_CASE("the mean of replicas is looked at as a peer looks at its own") {
  apps::PeerOptions options;
  const auto task = apps::load_task(options.training).value();
  const auto evaluate = [&](std::shared_ptr<const std::vector<float>> parameters) {
    auto spec = apps::replica_spec(task, options.training, task.train, 0, 1);
    spec.initial = std::move(parameters);
    return gpu::make_replica(spec).value()->evaluate();
  };
  const std::size_t size = core::make_schema(task.model).parameters();
  std::vector<float> one(size);
  std::vector<float> other(size);
  std::vector<float> mean(size);
  for (std::size_t i = 0; i < size; ++i) {
    mean[i] = 0.01F * static_cast<float>(i % 13) - 0.06F;
    const float apart = i % 2 == 0 ? 0.25F : -0.125F;
    one[i] = mean[i] + apart;
    other[i] = mean[i] - apart;
  }
  const auto found = apps::evaluate_mean(options, apps::mean_of({one, other})).value();
  const auto wanted = evaluate(std::make_shared<const std::vector<float>>(mean));
  CHECK(found.loss == Approx(wanted.loss).epsilon(1e-5));
  CHECK(found.accuracy == Approx(wanted.accuracy));
  CHECK(found.loss != Approx(evaluate(std::make_shared<const std::vector<float>>(one)).loss));
}

TEST_CASE("the mean of models of a text is looked at too") {
  const TempDir dir;
  std::ofstream(dir / "text") << std::string(2000, 'a') << std::string(300, 'b');
  apps::PeerOptions options;
  options.training.data = "text:" + (dir / "text").string();
  options.training.model = core::parse_model("gpt:layers=1,heads=1,width=4,context=8").value();
  const auto schema = core::make_schema(apps::load_task(options.training)->model);
  const std::vector<float> zeros(schema.parameters());
  const auto found = apps::evaluate_mean(options, apps::mean_of({zeros, zeros}));
  REQUIRE(found);
  CHECK(found->loss == Approx(std::log(256)));
}

}  // namespace
}  // namespace murmur::testing
