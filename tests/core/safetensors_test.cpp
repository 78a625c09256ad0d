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

/// A file of mlp:1-2 as `header` has it: a weight [2, 1] and a bias [2].
core::Result<std::vector<float>> read_with(const std::string& header, std::size_t floats = 4) {
  const murmur::testing::TempDir dir;
  std::string text(8, '\0');
  const std::uint64_t size = header.size();
  std::memcpy(text.data(), &size, sizeof size);
  text += header;
  for (std::size_t i = 0; i < floats; ++i) {
    const auto value = static_cast<float>(i);
    text.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  write_text(dir / "m.safetensors", text);
  return read_safetensors(dir / "m.safetensors", make_schema(parse_model("mlp:1-2").value()));
}

TEST_CASE("tensors may lie in any order, as Python's writer sorts them") {
  const auto read = read_with(R"({"0.bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                              R"("0.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]}})");
  CHECK(read.value() == std::vector<float>{2, 3, 0, 1});
}

TEST_CASE("a file that lies about where its tensors are is refused") {
  const auto refused = [](const std::string& weight, const std::string& bias,
                          std::size_t floats = 4) {
    INFO(weight << " " << bias);
    CHECK_FALSE(read_with("{\"0.weight\":" + weight + ",\"0.bias\":" + bias + "}", floats));
  };
  const auto entry = [](const char* type, const char* shape, const char* offsets) {
    return std::string("{\"dtype\":\"") + type + "\",\"shape\":" + shape +
           ",\"data_offsets\":" + offsets + "}";
  };
  const std::string weight = entry("F32", "[2,1]", "[0,8]");
  const std::string bias = entry("F32", "[2]", "[8,16]");
  REQUIRE(read_with("{\"0.weight\":" + weight + ",\"0.bias\":" + bias + "}"));
  for (const char* offsets :
       {"[0,8]", "[4,12]", "[12,20]", "[8,12]", "[16,8]", "[-8,0]", "[8]", "[8,16,24]",
        "[8.0,16.0]", "8", "[\"8\",\"16\"]", "[18446744073709551608,18446744073709551615]"}) {
    refused(weight, entry("F32", "[2]", offsets));
  }
  refused(weight, entry("F16", "[2]", "[8,16]"));
  refused(weight, entry("F32", "[2,1]", "[8,16]"));
  refused(weight, "[]");
  refused(weight, "{}");
  refused(weight, bias, 5);
  refused(weight, bias, 3);
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
