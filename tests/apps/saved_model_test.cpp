// What is done with a model that a peer left: murmur eval and murmur generate.
#include <fmt/format.h>

#include <cmath>

#include "apps/eval.hpp"
#include "apps/generate.hpp"
#include "apps/summary.hpp"
#include "core/safetensors.hpp"
#include "gpu/initial_parameters.hpp"
#include "tests/apps/program.hpp"
#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"
#include "tests/sanitized.hpp"

namespace murmur::testing {
namespace {

namespace fs = std::filesystem;

TEST_CASE("eval says of a model what its peer said at its end") {
  const TempDir dir;
  const std::string out = (dir / "run").string();
  REQUIRE(run_program({"peer", "--steps", "300", "--out", out}).status == 0);
  const auto summary = apps::read_json(dir / "run/summary.json");
  REQUIRE(summary);
  const apps::Json peer = (*summary)["peers"][0];
  const std::string threads = test::kUnderTsan ? "1" : "2";
  for (const std::string& path : {out, out + "/model.safetensors"}) {
    const Said said = run_program({"eval", path, "--threads", threads});
    INFO(said.out << said.err);
    CHECK(said.status == 0);
    CHECK(said.out.find("mlp:64-128-10, step 300\n") != std::string::npos);
    CHECK(said.out.find(fmt::format("360 held-out rows: loss {:.4f}, accuracy {:.2f} %\n",
                                    peer["test_loss"].get<double>(),
                                    100 * peer["test_accuracy"].get<double>())) !=
          std::string::npos);
    CHECK(said.out.find("told as, a row a class:\nclass ") != std::string::npos);
  }
}

TEST_CASE("what each class was told as is counted") {
  // One number, and the classes "below 0", "about 0" and "above 0".
  const auto model = core::parse_model("mlp:1-3").value();
  const std::vector<float> parameters{-4, 0, 4, 0, 1, 0};
  core::Samples samples;
  samples.rows = 4;
  samples.width = 1;
  samples.floats = {-1, 0, 1, 1};
  samples.labels = {0, 1, 2, 0};
  const auto predictor = gpu::make_predictor({model, parameters, 4, 1}).value();
  const apps::Assessment found = apps::assess(*predictor, samples, 3);
  using Told = decltype(found.told);
  CHECK(found.told == Told{{{0, 0}, 1}, {{1, 1}, 1}, {{2, 2}, 1}, {{0, 2}, 1}});
  CHECK(found.accuracy == 0.75);
  const double sum = std::exp(4.0) + std::exp(1.0) + std::exp(-4.0);
  const double right = std::log(sum) - 4;
  const double flat = std::log(2 + std::exp(1.0)) - 1;
  const double wrong = std::log(sum) + 4;
  CHECK(found.loss == Approx((right + flat + right + wrong) / 4));
}

TEST_CASE("of targets the mean squared error is said") {
  const auto model = core::parse_model("mlp:2-2").value();
  core::Samples samples;
  samples.rows = 2;
  samples.width = 2;
  samples.target_width = 2;
  samples.floats = {1, 2, 3, 4};
  samples.targets = {1, 2, 3, 6};
  const std::vector<float> parameters{1, 0, 0, 1, 0, 0};
  const auto predictor = gpu::make_predictor({model, parameters, 1, 1}).value();
  const apps::Assessment found = apps::assess(*predictor, samples, 0);
  CHECK(found.loss == 1);
  CHECK(std::isnan(found.accuracy));
  CHECK(found.told.empty());
}

TEST_CASE("a small GPT learns the alphabet, and writes it") {
  const TempDir dir;
  std::string text;
  for (int i = 0; i < 4000; ++i) text += static_cast<char>('a' + i % 26);
  write_text(dir / "abc.txt", text);
  const std::string data = "text:" + (dir / "abc.txt").string();
  const std::string out = (dir / "run").string();
  REQUIRE(run_program({"peer", "--data", data, "--model", "gpt:layers=1,heads=2,width=32,context=8",
                       "--optimizer", "adamw", "--lr", "0.01", "--steps", "150", "--out", out})
              .status == 0);
  const Said eval = run_program({"eval", out, "--data", data});
  INFO(eval.out << eval.err);
  CHECK(eval.out.find(" of 8 positions: loss 0.") != std::string::npos);
  CHECK(eval.out.find(", perplexity 1.") != std::string::npos);

  const auto wrote = [&](const std::vector<std::string>& more) {
    std::vector<std::string> args{"generate", out, "--length", "30"};
    args.insert(args.end(), more.begin(), more.end());
    const Said said = run_program(args);
    INFO(said.err);
    CHECK(said.status == 0);
    return said.out;
  };
  CHECK(wrote({"--prompt", "uvw", "--temperature", "0"}) == "uvwxyzabcdefghijklmnopqrstuvwxyza\n");
  CHECK(wrote({"--prompt", "b", "--seed", "3"}) == wrote({"--prompt", "b", "--seed", "3"}));
  const std::vector<std::string> hot{"--temperature", "100", "--seed"};
  CHECK(wrote({hot[0], hot[1], hot[2], "1"}) != wrote({hot[0], hot[1], hot[2], "2"}));
  CHECK(wrote({"--prompt", "x"}).size() == 1 + 30 + 1);
}

TEST_CASE("a model that cannot be used is refused in one line") {
  const TempDir dir;
  const auto error = [&](const std::vector<std::string>& args) {
    const Said said = run_program(args);
    CHECK(said.status == 2);
    CHECK(said.out.empty());
    CHECK(std::count(said.err.begin(), said.err.end(), '\n') == 1);
    return said.err;
  };
  const auto says = [](const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
  };
  const auto save = [&](const char* name, const char* model) {
    const auto spec = core::parse_model(model).value();
    REQUIRE(core::write_safetensors(dir / name, core::make_schema(spec),
                                    gpu::initial_parameters(spec, 1)));
    return (dir / name).string();
  };
  const std::string mlp = save("mlp", "mlp:64-8-10");
  says(error({"eval"}), "MODEL is to be given");
  says(error({"eval", dir.path().string()}), "model.safetensors: cannot read");
  says(error({"eval", mlp, "--model", "mlp:64-9-10"}),
       "2440 bytes of tensors, mlp:64-9-10 has 2740");
  says(error({"eval", mlp, "--data", "linear"}), "takes 64 features, linear has 1");
  says(error({"eval", mlp, "--device", "cuda:7777"}), "device 'cuda:7777': ");
  says(error({"generate", mlp, "--device", "tpu"}), "device 'tpu': not auto, cpu, cuda or cuda:N");
  says(error({"generate", mlp}), "mlp: mlp:64-8-10 is no model of text");
  says(error({"generate", mlp, "--temperature", "-1"}),
       "--temperature: '-1' is not a number in 0..");
  write_text(dir / "m.toml", "input = [64]\nlayer = [{type = \"linear\", outputs = 10}]\n");
  const std::string toml = save("toml", (dir / "m.toml").c_str());
  says(error({"eval", toml}), "toml: a model of m.toml; give that file as --model");
  CHECK(run_program({"eval", toml, "--model", (dir / "m.toml").string()}).status == 0);
}

}  // namespace
}  // namespace murmur::testing
