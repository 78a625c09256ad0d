#include "core/safetensors.hpp"

#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/model_spec.hpp"
#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::core {
namespace {

using murmur::testing::read_text;
using murmur::testing::TempDir;
using murmur::testing::write_text;

struct Written {
  TempDir dir;
  Schema schema = make_schema(parse_model("mlp:4-3-2").value());
  std::filesystem::path path = dir / "model.safetensors";
  std::vector<float> parameters = std::vector<float>(schema.parameters());

  Written() {
    std::iota(parameters.begin(), parameters.end(), 0.5F);
    REQUIRE(write_safetensors(path, schema, parameters));
  }
};

TEST_CASE_METHOD(Written, "parameters read back bit for bit") {
  CHECK(read_safetensors(path, schema).value() == parameters);
}

TEST_CASE_METHOD(Written,
                 "the file has the format's header, aligned, and leaves no temporary file") {
  const std::string file = read_text(path);
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  CHECK(length % 8 == 0);
  const auto header = nlohmann::json::parse(file.substr(8, length));
  CHECK(header["__metadata__"]["model"] == "mlp:4-3-2");
  CHECK(header["0.weight"]["dtype"] == "F32");
  CHECK(header["0.weight"]["shape"] == std::vector<int>{3, 4});
  CHECK(header["0.bias"]["data_offsets"] == std::vector<int>{48, 60});
  CHECK(file.size() == 8 + length + 4 * schema.parameters());
  CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
}

TEST_CASE_METHOD(Written, "another model's, truncated and lying files are refused") {
  const Schema other = make_schema(parse_model("mlp:4-2-3").value());
  CHECK_FALSE(read_safetensors(path, other));
  CHECK_FALSE(read_safetensors(path, make_schema(parse_model("mlp:4-3-2-1").value())));
  const std::string file = read_text(path);
  for (const std::size_t keep :
       {std::size_t{0}, std::size_t{7}, std::size_t{8}, std::size_t{50}, file.size() - 1}) {
    write_text(path, file.substr(0, keep));
    INFO(keep);
    const auto read = read_safetensors(path, schema);
    REQUIRE_FALSE(read);
    CHECK(read.error().message.starts_with(path.string() + ": "));
  }
  write_text(path, std::string(8, '\xff') + file.substr(8));
  CHECK_FALSE(read_safetensors(path, schema));
  write_text(path, file + "x");
  CHECK_FALSE(read_safetensors(path, schema));
}

TEST_CASE("a folder that is not there is an error, not a crash") {
  const Schema schema = make_schema(parse_model("linear").value());
  CHECK(write_safetensors("/nowhere/model.safetensors", schema, std::vector<float>(4))
            .error()
            .message == "/nowhere/model.safetensors: cannot write: No such file or directory");
}

}  // namespace
}  // namespace murmur::core
