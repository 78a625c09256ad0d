#include "core/idx_reader.hpp"

#include "tests/catch.hpp"
#include "tests/core/idx_files.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::core {
namespace {

using murmur::testing::big_endian;
using murmur::testing::idx_images;
using murmur::testing::idx_labels;
using murmur::testing::TempDir;
using murmur::testing::write_gzip;
using murmur::testing::write_text;

TEST_CASE("images and labels read the same plain and compressed") {
  const TempDir dir;
  write_text(dir / "plain", idx_images(3, 2, 2));
  write_gzip(dir / "gz", idx_images(3, 2, 2));
  for (const char* name : {"plain", "gz"}) {
    const auto images = read_idx_images(dir / name);
    REQUIRE(images);
    CHECK(images->count == 3);
    CHECK(images->width == 4);
    CHECK(images->pixels.gather(4) ==
          std::vector<std::uint8_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  }
  write_text(dir / "labels", idx_labels({0, 9, 4}));
  CHECK(read_idx_labels(dir / "labels", 10).value() == std::vector<std::int32_t>{0, 9, 4});
}

TEST_CASE("an IDX file that lies is refused before anything of the claimed size is allocated") {
  const TempDir dir;
  const auto path = dir / "f";
  const std::string magic = big_endian(0x803);
  const std::string huge = big_endian(0xffffffff);
  const auto [content, message] = GENERATE_COPY(table<std::string, std::string>({
      {"", ": 0 bytes, an IDX header takes 16"},
      {magic + big_endian(1), ": 8 bytes, an IDX header takes 16"},
      {big_endian(0x801) + big_endian(1) + big_endian(2) + big_endian(2) + "abcd",
       ": starts with 0x00000801, not with IDX's 0x00000803"},
      {magic + huge + huge + huge + "abcd",
       ": the header says 4294967295 x 4294967295 x 4294967295, but 4 bytes follow it"},
      // 2^32 x 2^32 would wrap to 0 in 64 bits.
      {magic + big_endian(0x80000000) + big_endian(0x80000000) + big_endian(4),
       ": the header says 2147483648 x 2147483648 x 4, but 0 bytes follow it"},
      {magic + big_endian(2) + big_endian(2) + big_endian(2) + "abcdefg",
       ": the header says 2 x 2 x 2, but 7 bytes follow it"},
      {magic + big_endian(2) + big_endian(2) + big_endian(2) + "abcdefghi",
       ": the header says 2 x 2 x 2, but 9 bytes follow it"},
      {magic + big_endian(0) + big_endian(28) + big_endian(28), ": no data"},
  }));
  write_text(path, content);
  const auto images = read_idx_images(path);
  REQUIRE_FALSE(images);
  CHECK(images.error().message == path.string() + message);
}

TEST_CASE("a label past the classes is refused with its place") {
  const TempDir dir;
  const auto path = dir / "labels";
  write_text(path, idx_labels({1, 2, 10, 3}));
  CHECK(read_idx_labels(path, 10).error().message == path.string() + ": item 2: label 10 > 9");
}

TEST_CASE("truncated and damaged gzip is refused") {
  const TempDir dir;
  const auto path = dir / "images.gz";
  write_gzip(path, idx_images(100, 10, 10));
  const std::string whole = murmur::testing::read_text(path);
  for (const std::size_t keep : {std::size_t{2}, whole.size() / 2, whole.size() - 1}) {
    write_text(path, whole.substr(0, keep));
    const auto images = read_idx_images(path);
    REQUIRE_FALSE(images);
    CHECK(images.error().message ==
          path.string() + ": gzip data ends early, after " + std::to_string(keep) + " bytes");
  }
  std::string damaged = whole;
  damaged[damaged.size() - 6] ^= 1;  // in the CRC
  write_text(path, damaged);
  CHECK(read_idx_images(path).error().message.find("damaged gzip data") != std::string::npos);
}

}  // namespace
}  // namespace murmur::core
