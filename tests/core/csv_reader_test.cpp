#include "core/csv_reader.hpp"

#include <string>

#include "tests/catch.hpp"

namespace murmur::core {
namespace {

Result<Samples> parse(std::string_view text, std::size_t classes_max = 10) {
  return parse_csv(std::as_bytes(std::span(text)), "x.csv", classes_max);
}

TEST_CASE("numbers become features and the last column the label") {
  const auto samples = parse("1,2.5,0\r\n\n -3e2 , 4 , 9\n");
  REQUIRE(samples);
  CHECK(samples->rows == 2);
  CHECK(samples->width == 2);
  CHECK(samples->floats == std::vector<float>{1, 2.5F, -300, 4});
  CHECK(samples->labels == std::vector<std::int32_t>{0, 9});
}

TEST_CASE("a file without a final newline keeps its last line") {
  CHECK(parse("1,0\n2,1").value().rows == 2);
}

TEST_CASE("numbers are read as other programs write them") {
  const auto samples = parse("+1.5,1e-300,1e-45,-1e-4000,.5,5.,1E+2,-0,+3\n");
  REQUIRE(samples);
  CHECK(samples->floats == std::vector<float>{1.5F, 0, 1e-45F, 0, 0.5F, 5, 100, 0});
  CHECK(samples->labels == std::vector<std::int32_t>{3});
}

TEST_CASE("a label may be written as a whole number with a fraction of zero") {
  CHECK(parse("1,0.0\n1,3.00\n1,1e0\n1,-0.0\n").value().labels ==
        std::vector<std::int32_t>{0, 3, 1, 0});
}

TEST_CASE("a byte-order mark, quotes and either line end are no part of the numbers") {
  const auto samples = parse("\xef\xbb\xbf\"1\",2, \" 0 \" \r\n3,\"4\",\"1\"\r\n\r\n");
  REQUIRE(samples);
  CHECK(samples->floats == std::vector<float>{1, 2, 3, 4});
  CHECK(samples->labels == std::vector<std::int32_t>{0, 1});
}

TEST_CASE("a first line that only names its columns is skipped") {
  for (const char* header :
       {"x,y,class", "\xef\xbb\xbfx,y,class", "\"x, cm\",\"y \"\"up\"\"\",z", "\n\n,y,class"}) {
    INFO(header);
    const auto samples = parse(std::string(header) + "\n1,2,0\n");
    REQUIRE(samples);
    CHECK(samples->rows == 1);
    CHECK(samples->floats == std::vector<float>{1, 2});
  }
}

TEST_CASE("the last column may be a number to be told") {
  const auto read = [](std::string_view text) {
    return parse_csv_targets(std::as_bytes(std::span(text)), "x.csv");
  };
  const auto samples = read("a,b,price\n1,2,0.5\n3,4,-2e1\n");
  REQUIRE(samples);
  CHECK(samples->floats == std::vector<float>{1, 2, 3, 4});
  CHECK(samples->targets == std::vector<float>{0.5F, -20});
  CHECK(samples->target_width == 1);
  CHECK(samples->labels.empty());
  CHECK(read("1,2\n3,nan\n").error().message == "x.csv:2: column 2: 'nan' is not a number");
}

TEST_CASE("bad csv is refused in one line with the place") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"", "x.csv: no data"},
      {"\n\n", "x.csv: no data"},
      {"1,2,3\n1,x,3\n", "x.csv:2: column 2: 'x' is not a number"},
      {"1,2,3\n\n1,,3\n", "x.csv:3: column 2: '' is not a number"},
      {"nan,1\n", "x.csv:1: column 1: 'nan' is not a number"},
      {"inf,1\n", "x.csv:1: column 1: 'inf' is not a number"},
      {"1e99,1\n", "x.csv:1: column 1: '1e99' is not a number"},
      {"1,2,3\n1,2\n", "x.csv:2: 2 columns, not 3"},
      {"1,2,3\n1,2,3,4\n", "x.csv:2: 4 columns, not 3"},
      {"7\n", "x.csv:1: 1 columns, not 2 or more"},
      {"1,10\n", "x.csv:1: label 10 is not in 0..9"},
      {"1,-1\n", "x.csv:1: label -1 is not in 0..9"},
      {"1,1.5\n", "x.csv:1: column 2: label '1.5' is not an integer"},
      {"x,y\n", "x.csv: no data"},
      {"x,y\nz,w\n", "x.csv:2: column 1: 'z' is not a number"},
      {"x,y\n1,2,3\n", "x.csv:2: 3 columns, not 2"},
      {"x,1\n1,2\n", "x.csv:1: column 1: 'x' is not a number"},
      {"1,cat\n", "x.csv:1: column 2: label 'cat' is not an integer"},
      {"+-1,1\n", "x.csv:1: column 1: '+-1' is not a number"},
      {"++1,1\n", "x.csv:1: column 1: '++1' is not a number"},
      {"0x10,1\n", "x.csv:1: column 1: '0x10' is not a number"},
      {"-1e4000,1\n", "x.csv:1: column 1: '-1e4000' is not a number"},
      {"1,1e300\n", "x.csv:1: label 1e+300 is not in 0..9"},
      {"1,nan\n", "x.csv:1: column 2: label 'nan' is not an integer"},
      {"\"1,1\n", "x.csv:1: 1 columns, not 2 or more"},
      {"a\x01,1\n", "x.csv:1: column 1: 'a?' is not a number"},
  }));
  const auto samples = parse(text);
  REQUIRE_FALSE(samples);
  CHECK(samples.error().message == message);
}

}  // namespace
}  // namespace murmur::core
