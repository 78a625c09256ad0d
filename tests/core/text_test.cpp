#include "core/text.hpp"

#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::core {
namespace {

using murmur::testing::TempDir;
using murmur::testing::write_gzip;
using murmur::testing::write_text;

TEST_CASE("a text's last tenth is held out, and its bytes are the tokens") {
  const TempDir dir;
  const std::string text = "0123456789012345678901234567890123456789\xc3\xa9xyz012";
  write_gzip(dir / "t.txt.gz", text);
  const auto data = load_dataset("text:" + (dir / "t.txt.gz").string(), 1);
  REQUIRE(data);
  CHECK(data->name == "text");
  CHECK(data->classes == 256);
  CHECK(data->train.rows == 0);
  CHECK(data->train.tokens.size() == text.size() - text.size() / 10);
  CHECK(data->train.tokens[40] == 0xc3);
  CHECK(data->held_out.tokens == std::vector<std::uint8_t>{'z', '0', '1', '2'});
  write_text(dir / "none.txt", "");
  CHECK(load_dataset("text:" + (dir / "none.txt").string(), 1).error().message ==
        (dir / "none.txt").string() + ": a text of 0 bytes, fewer than 20");
}

TEST_CASE("a text is cut into rows that leave room for a phase and for what follows") {
  Samples text;
  for (std::uint8_t i = 0; i < 100; ++i) text.tokens.push_back(i);
  for (const std::size_t context : {1, 7, 10, 49, 50}) {
    const Samples rows = in_context(text, context).value();
    CHECK(rows.width == context);
    const std::size_t last = (rows.rows - 1) * context + (context - 1);  // where it may begin
    CHECK(last + context < 100);
    CHECK(last + 2 * context >= 99);
  }
  CHECK(in_context(text, 51).error().message ==
        "text: 100 tokens of a part are too few for a context of 51: 102 are one row");
}

TEST_CASE("the parts of a text are contiguous and cover it") {
  Samples text;
  for (std::uint8_t i = 0; i < 101; ++i) text.tokens.push_back(i);
  std::vector<std::uint8_t> joined;
  for (std::size_t i = 0; i < 4; ++i) {
    const Samples part = part_of_text(text, i, 4);
    joined.insert(joined.end(), part.tokens.begin(), part.tokens.end());
  }
  CHECK(joined == text.tokens);
}

}  // namespace
}  // namespace murmur::core
