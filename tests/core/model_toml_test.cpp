#include "core/model_toml.hpp"

#include <fstream>
#include <sstream>

#include "core/presets.hpp"
#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::core {
namespace {

constexpr const char* kPresets[] = {"lenet", "cnn", "resnet20", "speech"};

void check_same(const ModelSpec& a, const ModelSpec& b) {
  REQUIRE(a.layers.size() == b.layers.size());
  CHECK(a.shapes == b.shapes);
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    CHECK(a.layers[i].name == b.layers[i].name);
    CHECK(a.layers[i].from == b.layers[i].from);
  }
  CHECK(to_toml(a) == to_toml(b));
}

TEST_CASE("what is written of a preset reads as the preset") {
  for (const char* name : kPresets) {
    const ModelSpec spec = preset(name).value();
    INFO(to_toml(spec));
    const auto read = parse_model_toml(to_toml(spec), name);
    REQUIRE(read);
    check_same(*read, spec);
    CHECK(to_string(parse_model(name).value()) == name);
  }
  CHECK_FALSE(preset("resnet21"));
}

TEST_CASE("the page on models writes every preset out") {
  std::ifstream file(std::string(MURMUR_SOURCE_DIR) + "/docs/models.md");
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  for (const char* name :
       {"lenet", "cnn", "resnet20", "speech", "gpt:layers=1,heads=4,width=128,context=128"}) {
    INFO(name);
    CHECK(page.find("```toml\n" + to_toml(parse_model(name).value()) + "```") != std::string::npos);
  }
}

TEST_CASE("presets have the parameters they are known for") {
  const auto parameters = [](const char* name) {
    return make_schema(parse_model(name).value()).parameters();
  };
  CHECK(parameters("lenet") == 61706);
  CHECK(parameters("cnn") == 545098);
  // 272,474 of the ResNet-20 with BatchNorm and convolutions in its ways round.
  CHECK(parameters("resnet20") == 272474);
  CHECK(parameters("speech") == 286858);
  CHECK(parameters("speech:35") == 286858 + 25 * 129);
  CHECK(to_string(parse_model("speech:10").value()) == "speech");
  CHECK(parse_model("speech:1").error().message ==
        "model 'speech:1': '1' words are not in 2..65536");
  const Schema schema = make_schema(parse_model("resnet20").value());
  CHECK(schema.tensors().front().name == "conv1.weight");
  CHECK(schema.tensors().back().name == "fc.bias");
}

TEST_CASE("a file may name its layers, and where each takes its input from") {
  const testing::TempDir dir;
  const auto path = dir.path() / "mine.toml";
  std::ofstream(path) << R"(
input = [2, 6, 6]
[[layer]]
type = "conv2d"
name = "stem"
outputs = 4
kernel = 3
padding = 1
[[layer]]
type = "relu"
[[layer]]
type = "conv2d"
name = "side"
from = "stem"
outputs = 4
kernel = 1
bias = false
[[layer]]
type = "add"
with = "1"
[[layer]]
type = "max-pool2d"
kernel = 3
stride = 2
[[layer]]
type = "dropout"
rate = 0.5
[[layer]]
type = "flatten"
[[layer]]
type = "linear"
outputs = 3
)";
  const ModelSpec spec = parse_model(path.string()).value();
  CHECK(to_string(spec) == "mine.toml");
  CHECK(spec.layers[2].from == 1);
  CHECK(std::get<AddSpec>(spec.layers[3].spec).with == 2);
  CHECK(spec.shapes[5] == Shape{4, 2, 2});
  CHECK(make_schema(spec).tensors()[2].name == "side.weight");
  CHECK(make_schema(spec).tensors()[3].name == "7.weight");
  check_same(parse_model_toml(to_toml(spec), "again").value(), spec);
  CHECK(parse_model("none.toml").error().message.starts_with("model: none.toml: "));
}

TEST_CASE("a file that is no model is refused in one line that names the layer") {
  const auto error = [](const std::string& text) {
    return parse_model_toml(text, "m").error().message;
  };
  const std::string input = "input = [3, 8, 8]\n";
  CHECK(error("input = 3") == "model 'm': input is not the shape of a sample, as in [3, 32, 32]");
  CHECK(error("input = [0]") == "model 'm': input: a size is not in 1..65536");
  for (const char* name : {R"(a\"b)", R"(a\\b)", R"(a\nb)", R"(a\u007Fb)"}) {
    CHECK(error(input + "[[layer]]\ntype = 'relu'\nname = \"" + name + '"') ==
          "model 'm': layer 0: its name has a quote, a backslash or a control character");
  }
  CHECK(error("input = [1, 2e28, 28]") == "model 'm': input: a size is not in 1..65536");
  CHECK(error(input) == "model 'm': no [[layer]]");
  CHECK(error(input + "[[!]]\n") == "model 'm': a [header] that begins with no name");
  CHECK(error("inputs = [3]\n") == "model 'm': inputs is no key of it");
  CHECK(error(input + "[[layer]]\ntype = 'lstm'") ==
        "model 'm': layer 0: 'lstm' is no type of layer");
  CHECK(error(input + "[[layer]]\nkernel = 3") == "model 'm': layer 0: type is missing");
  CHECK(error(input + "[[layer]]\ntype = 'conv2d'\noutputs = 4") ==
        "model 'm': layer 0: kernel is missing");
  CHECK(error(input + "[[layer]]\ntype = 'conv2d'\noutputs = 4\nkernel = 3\npad = 1") ==
        "model 'm': layer 0: pad is no key of it");
  CHECK(error(input + "[[layer]]\ntype = 'conv2d'\noutputs = 4\nkernel = -3") ==
        "model 'm': layer 0: kernel is no whole number from 0 on");
  CHECK(error(input + "[[layer]]\ntype = 'relu'\nfrom = 'x'") ==
        "model 'm': layer 0: from: no layer before it is named x");
  CHECK(error(input + "[[layer]]\ntype = 'add'") == "model 'm': layer 0: with is missing");
  CHECK(
      error(input + "[[layer]]\ntype = 'relu'\nname = 'a'\n[[layer]]\ntype = 'relu'\nname = 'a'") ==
      "model 'm': layer a: the name is another's, or none");
  CHECK(error(input + "[[layer]]\ntype = 'linear'\noutputs = 3") ==
        "model 'm': layer 0 (linear): it takes numbers in a row, not 3 x 8 x 8");
  CHECK(error(input + "[[layer]]\ntype = 'max-pool2d'\nkernel = 9") ==
        "model 'm': layer 0 (max-pool2d): a kernel of 9 is larger than its image of 8 x 8");
  CHECK(error(input + "[[layer]]\ntype = 'group-norm'\ngroups = 2") ==
        "model 'm': layer 0 (group-norm): 2 groups do not divide 3 channels");
  CHECK(error(input + "[[layer]]\ntype = 'dropout'\nrate = 1") ==
        "model 'm': layer 0 (dropout): a rate of 1 is not in [0, 1)");
  CHECK(error(input + "[[layer]]\ntype = 'conv2d'\noutputs = 4\nkernel = 3\npadding = 3") ==
        "model 'm': layer 0 (conv2d): padding 3 is not below the kernel's 3");
  CHECK(error("input = [65536, 65536, 65536, 65536]") ==
        "model 'm': input: more than 2^26 numbers");
  const std::string plain = "input = [1, 8, 8]\n";
  CHECK(error(plain + "[[layer]]\ntype = 'conv2d'\noutputs = 1\nkernel = 4294967296\n"
                      "stride = 4294967296\npadding = 4294967295\nbias = false\n") ==
        "model 'm': layer 0 (conv2d): a kernel of 4294967296 and a stride of 4294967296 are not in "
        "1..65536");
  CHECK(error(plain + "[[layer]]\ntype = 'conv2d'\noutputs = 65536\nkernel = 65536\n"
                      "stride = 65536\npadding = 65535\n") ==
        "model 'm': more than 268435456 parameters");
  CHECK(error(input + "[[layer]]\ntype = 'max-pool2d'\nkernel = 2\nstride = 0") ==
        "model 'm': layer 0 (max-pool2d): a kernel of 2 and a stride of 0 are not in 1..65536");
  CHECK(error("input = [3").starts_with("model 'm': line 1: "));
}

}  // namespace
}  // namespace murmur::core
