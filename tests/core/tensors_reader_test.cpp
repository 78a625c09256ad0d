#include "core/tensors_reader.hpp"

#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"
#include "tests/core/tensor_files.hpp"

namespace murmur::core {
namespace {

using murmur::testing::TempDir;
using murmur::testing::TensorsFile;
using murmur::testing::write_text;

Result<Dataset> load(const TensorsFile& file, std::size_t classes_max = kClassesMax) {
  const TempDir dir;
  write_text(dir / "d.safetensors", file.text());
  auto data = load_dataset("tensors:" + (dir / "d.safetensors").string(), 1, classes_max);
  if (!data) {
    const auto name = data.error().message.find("d.safetensors: ");
    if (name != std::string::npos) data.error().message.erase(0, name);
  }
  return data;
}

const std::vector<std::uint8_t> kBytes{0, 51, 102, 153, 204, 255, 1, 2};
const std::vector<float> kFloats{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

TEST_CASE("bytes with integer classes, and a test part of its own") {
  const auto data = load(TensorsFile()
                             .add("y", "I64", "[2]", std::vector<std::int64_t>{2, 0})
                             .add("x", "U8", "[2,2,2]", kBytes)
                             .add("x_test", "U8", "[1,4]", std::vector<std::uint8_t>{9, 9, 9, 9})
                             .add("y_test", "I32", "[1]", std::vector<std::int32_t>{3}));
  REQUIRE(data);
  CHECK(data->classes == 4);
  CHECK(data->train.rows == 2);
  CHECK(data->train.width == 4);
  CHECK(data->train.bytes.gather(4) == kBytes);
  CHECK(data->train.scale == 1.0F / 255);
  CHECK(data->train.labels == std::vector<std::int32_t>{2, 0});
  CHECK(data->held_out.labels == std::vector<std::int32_t>{3});
}

TEST_CASE("floats with targets; every fifth row is held out where there is no test part") {
  const auto data = load(TensorsFile()
                             .add("x", "F32", "[6,2]", kFloats)
                             .add("y", "F32", "[6]", std::vector<float>(6, 0.5F)));
  REQUIRE(data);
  CHECK(data->classes == 0);
  CHECK(data->train.rows == 4);
  CHECK(data->held_out.rows == 2);
  CHECK(data->train.target_width == 1);
  CHECK(data->held_out.floats == std::vector<float>{1, 2, 11, 12});
  const auto wide =
      load(TensorsFile().add("x", "F32", "[2,6]", kFloats).add("y", "F32", "[2,6]", kFloats));
  REQUIRE(wide);
  CHECK(wide->train.target_width == 6);
}

TEST_CASE("classes at each position of a row, as a text has them") {
  const std::vector<std::int64_t> y{0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 9};
  const auto data =
      load(TensorsFile().add("x", "F32", "[6,2]", kFloats).add("y", "I64", "[6,2]", y));
  REQUIRE(data);
  CHECK(data->classes == 10);
  CHECK(data->train.positions() == 2);
  // Every fifth row is held out: a row of several classes is of none.
  CHECK(data->held_out.labels == std::vector<std::int32_t>{0, 1, 2, 9});
  CHECK(data->train.label(0, 1) == 3);
}

TEST_CASE("bytes stay in the file, whichever rows are taken") {
  const auto data = load(TensorsFile()
                             .add("x", "U8", "[8,1]", kBytes)
                             .add("y", "I32", "[8]", std::vector<std::int32_t>(8, 0)));
  REQUIRE(data);
  const Samples& train = data->train;
  CHECK(train.bytes.compact(1).data() == train.bytes.data());
  const Samples some = train.select(std::vector<std::uint32_t>{3, 0});
  CHECK(some.bytes.data() == train.bytes.data());
  CHECK(*some.bytes.row(0, 1) == *train.bytes.row(3, 1));
  CHECK(*some.bytes.row(1, 1) == *train.bytes.row(0, 1));
}

TEST_CASE("a file whose tensors do not fit is refused in one line") {
  const auto error = [](const TensorsFile& file, std::size_t classes_max = kClassesMax) {
    const auto data = load(file, classes_max);
    REQUIRE_FALSE(data);
    return data.error().message;
  };
  const std::vector<std::int32_t> two{0, 1};
  const auto x = [] { return TensorsFile().add("x", "U8", "[2,4]", kBytes); };
  const std::string who = "d.safetensors: tensor ";
  CHECK(error(x()) == who + "y is not there");
  CHECK(error(TensorsFile().add("y", "I32", "[2]", two)) == who + "x is not there");
  CHECK(error(TensorsFile().add("x", "U8", "[8]", kBytes).add("y", "I32", "[2]", two)) ==
        who + "x is not [N, ...]");
  CHECK(error(TensorsFile().add("x", "I32", "[2,1]", two).add("y", "I32", "[2]", two)) ==
        who + "x is I32, neither F32 nor U8");
  const std::vector<double> doubles(8);
  CHECK(error(TensorsFile().add("x", "F64", "[2,4]", doubles).add("y", "I32", "[2]", two)) ==
        who + "x is F64, neither F32 nor U8");
  CHECK(error(x().add("y", "F16", "[2]", std::vector<std::uint16_t>(2))) ==
        who + "y is F16, none of U8, I32, I64 and F32");
  CHECK(error(TensorsFile()
                  .add("x", "U8", "[2,0]", std::vector<std::uint8_t>())
                  .add("y", "I32", "[2]", two)) == who + "x holds nothing");
  CHECK(error(x().add("y", "I32", "[2,0]", std::vector<std::int32_t>())) ==
        who + "y holds nothing");
  CHECK(error(x().add("y", "I32", "[3]", std::vector<std::int32_t>(3))) ==
        who + "y is not [2, ...], as x has it");
  CHECK(error(x().add("y", "I32", "[2]", std::vector<std::int32_t>{0, -1})) ==
        who + "y has -1 in row 1, not in 0..65535");
  CHECK(error(x().add("y", "I32", "[2]", std::vector<std::int32_t>{5, 1}), 5) ==
        who + "y has 5 in row 0, not in 0..4");
  CHECK(error(x().add("y", "F32", "[2]", std::vector<float>{1, NAN})) ==
        who + "y has a number that is not finite, its 1th");
  CHECK(error(x().add("y", "I32", "[2]", two).add("x_test", "U8", "[1,8]", kBytes)) ==
        who + "y_test is not there");
  CHECK(error(x().add("y", "I32", "[2]", two)
                  .add("x_test", "U8", "[1,8]", kBytes)
                  .add("y_test", "I32", "[1]", std::vector<std::int32_t>{1})) ==
        "d.safetensors: x_test and y_test are not of the shapes and types of x and y");
}

TEST_CASE("a header that lies about where a tensor is, is refused") {
  const auto refused = [](const std::string& type, const std::string& shape, std::size_t begin,
                          std::size_t end) {
    TensorsFile file;
    file.add("y", "I32", "[2]", std::vector<std::int32_t>{0, 1});
    file.entry("x", type, shape, begin, end);
    const auto data = load(file);
    REQUIRE_FALSE(data);
    return data.error().message;
  };
  const std::string who = "d.safetensors: tensor x: ";
  CHECK(refused("U8", "[2,4]", 0, 9) == who + "said to lie at 0..9 of 8 bytes");
  CHECK(refused("U8", "[2,4]", 5, 4) == who + "said to lie at 5..4 of 8 bytes");
  CHECK(refused("U8", "[2,3]", 0, 8) == who + "U8 [2, 3] does not take 8 bytes");
  CHECK(refused("F32", "[4294967296,4294967296]", 0, 8) ==
        who + "F32 [4294967296, 4294967296] does not take 8 bytes");
  CHECK(refused("U8", "[-2,4]", 0, 8) ==
        who + "its entry is not one of dtype, shape and two data_offsets");
}

}  // namespace
}  // namespace murmur::core
