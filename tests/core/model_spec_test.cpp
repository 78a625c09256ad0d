#include "core/model_spec.hpp"

#include "tests/catch.hpp"

namespace murmur::core {
namespace {

TEST_CASE("specs read and print back") {
  for (const char* text :
       {"mlp:64-128-10", "mlp:784-256-128-10", "linear", "quadratic:64", "least-squares:8"}) {
    CHECK(to_string(parse_model(text).value()) == text);
  }
}

TEST_CASE("an mlp has PyTorch's names and shapes") {
  const Schema schema = make_schema(parse_model("mlp:4-3-2").value());
  REQUIRE(schema.tensors().size() == 4);
  CHECK(schema.tensors()[0].name == "0.weight");
  CHECK(schema.tensors()[0].shape == std::vector<std::size_t>{3, 4});
  CHECK(schema.tensors()[1].name == "0.bias");
  CHECK(schema.tensors()[1].offset == 12);
  CHECK(schema.tensors()[2].name == "2.weight");
  CHECK(schema.tensors()[3].name == "2.bias");
  CHECK(schema.parameters() == 12 + 3 + 6 + 2);
  CHECK(schema.shards() == 1);
}

TEST_CASE("linear has two layers and nothing between; a closed form has x") {
  const Schema linear = make_schema(parse_model("linear").value());
  CHECK(linear.parameters() == 4);
  CHECK(linear.tensors()[2].name == "1.weight");
  const Schema quadratic = make_schema(parse_model("quadratic:5").value());
  CHECK(quadratic.tensors()[0].name == "x");
  CHECK(quadratic.parameters() == 5);
}

TEST_CASE("the schema's hash is the one that the document computes") {
  const Schema schema = make_schema(parse_model("mlp:4-3-2").value());
  CHECK(schema.description() ==
        "mlp:4-3-2\n0.weight 3x4\n0.bias 3\n2.weight 2x3\n2.bias 2\nshards of 262144\n");
  CHECK(schema.hash() == 0x8964bf857298a97d);
}

TEST_CASE("shards cover the parameters and the schema's hash tells models and cuts apart") {
  const ModelSpec spec = parse_model("mlp:10-10-10").value();
  const Schema schema = make_schema(spec, 100);
  CHECK(schema.parameters() == 220);
  REQUIRE(schema.shards() == 3);
  CHECK(schema.shard(2).offset == 200);
  CHECK(schema.shard(2).size == 20);
  CHECK(schema.hash() != make_schema(spec).hash());
  CHECK(schema.hash() == make_schema(spec, 100).hash());
  CHECK(schema.hash() != make_schema(parse_model("mlp:10-10-11").value(), 100).hash());
}

TEST_CASE("layers that do not fit each other are refused by name") {
  const auto error = [](Shape input, std::vector<Layer> layers) {
    return make_network("m", std::move(input), std::move(layers)).error().message;
  };
  CHECK(error({3, 32, 32}, {{LinearSpec{10}, "fc", 0}}) ==
        "model 'm': layer fc (linear): it takes numbers in a row, not 3 x 32 x 32");
  CHECK(error({3}, {{LinearSpec{0}, "0", 0}}) ==
        "model 'm': layer 0 (linear): 0 outputs are not in 1..65536");
  CHECK(error({3}, {{LinearSpec{4}, "a", 0}, {AddSpec{0}, "sum", 1}}) ==
        "model 'm': layer sum (add): 4 and 3 do not add");
  CHECK(error({3}, {{LinearSpec{4}, "a", 0}, {LinearSpec{4}, "b", 0}}) ==
        "model 'm': layer a (linear): no layer takes what it gives");
  CHECK(error({3}, {{LinearSpec{4}, "a", 0}, {EmbeddingSpec{5, 6}, "b", 1}}) ==
        "model 'm': layer b (embedding): it takes the model's input alone: only that is tokens");
  CHECK(
      error({3, 4}, {{AttentionSpec{1}, "a", 0}}) ==
      "model 'm': layer a (attention): it takes positions x (queries, keys and values), not 3 x 4");
  CHECK(error({3}, {{EmbeddingSpec{5, 4}, "embed", 0}, {LinearSpec{4}, "embed.token", 1}}) ==
        "model 'm': layer embed.token (linear): another layer has a parameter "
        "embed.token.weight too");
  CHECK(error({3}, {}) == "model 'm': no layers");
}

TEST_CASE("a gpt is as large as its text says") {
  const ModelSpec spec = parse_model("gpt:layers=2,heads=3,width=48,context=20").value();
  CHECK(to_string(spec) == "gpt:layers=2,heads=3,width=48,context=20");
  CHECK(spec.shapes.front() == Shape{20});
  CHECK(spec.shapes.back() == Shape{20, 256});
  CHECK(spec.vocabulary() == 256);
  CHECK(to_string(parse_model("gpt").value()) == "gpt:layers=4,heads=4,width=128,context=128");
  CHECK(to_string(parse_model("gpt:context=64").value()) ==
        "gpt:layers=4,heads=4,width=128,context=64");
  // 4 x (4 + 8) x 128^2 in the layers' weights, and what is beside them.
  CHECK(make_schema(parse_model("gpt").value()).parameters() == 875264);
  CHECK(parse_model("gpt:heads=5").error().message ==
        "model 'gpt:layers=4,heads=5,width=128,context=128': layer h.0.attention (attention): "
        "5 heads do not divide a width of 128");
  CHECK(parse_model("gpt:depth=5").error().message ==
        "model 'gpt:depth=5': 'depth' is none of layers, heads, width, context");
  CHECK(parse_model("gpt:width=0").error().message ==
        "model 'gpt:width=0': width '0' is not in 1..16384");
}

TEST_CASE("what is no model is refused with the limit") {
  CHECK(parse_model("cnn:3").error().message ==
        "model 'cnn:3' is none of mlp:IN-...-OUT, linear, lenet, cnn, resnet20, speech, gpt:..., "
        "FILE.toml, quadratic:D, least-squares:D");
  CHECK(parse_model("mlp:64").error().message ==
        "model 'mlp:64': 1 width, 2 or more make a network");
  CHECK(parse_model("mlp:64--10").error().message ==
        "model 'mlp:64--10': width '' is not in 1..65536");
  CHECK(parse_model("mlp:64-0").error().message ==
        "model 'mlp:64-0': width '0' is not in 1..65536");
  CHECK(parse_model("mlp:64-65537").error().message ==
        "model 'mlp:64-65537': width '65537' is not in 1..65536");
  CHECK(parse_model("mlp:65536-65536").error().message ==
        "model 'mlp:65536-65536': more than 268435456 parameters");
  CHECK_FALSE(parse_model("quadratic:0"));
  CHECK_FALSE(parse_model("quadratic:4x"));
  CHECK_FALSE(parse_model(""));
}

}  // namespace
}  // namespace murmur::core
