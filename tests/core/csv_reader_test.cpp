#include "core/csv_reader.hpp"

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
      {"a\x01,1\n", "x.csv:1: column 1: 'a?' is not a number"},
  }));
  const auto samples = parse(text);
  REQUIRE_FALSE(samples);
  CHECK(samples.error().message == message);
}

}  // namespace
}  // namespace murmur::core
