#include "core/dataset.hpp"

#include <algorithm>
#include <filesystem>

#include "core/file_io.hpp"
#include "tests/catch.hpp"
#include "tests/core/idx_files.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::core {
namespace {

using murmur::testing::idx_images;
using murmur::testing::idx_labels;
using murmur::testing::TempDir;
using murmur::testing::write_gzip;
using murmur::testing::write_text;

TEST_CASE("digits come from any working folder, split 1437 to 360, as bytes of sixteenths") {
  const TempDir elsewhere;
  const auto here = std::filesystem::current_path();
  std::filesystem::current_path(elsewhere.path());
  const auto digits = load_dataset("digits", 1);
  std::filesystem::current_path(here);
  REQUIRE(digits);
  CHECK(digits->classes == 10);
  CHECK(digits->train.rows == 1437);
  CHECK(digits->held_out.rows == 360);
  CHECK(digits->train.width == 64);
  CHECK(digits->train.bytes.size() == 1437 * 64);
  CHECK(digits->train.floats.empty());
  CHECK(digits->train.scale == 1.0F / 16);
  CHECK(*std::max_element(digits->train.bytes.begin(), digits->train.bytes.end()) == 16);
  // The file's first line is held out, its second is the first to train on.
  CHECK(digits->held_out.labels[0] == 0);
  CHECK(digits->held_out.bytes[2] == 5);
  CHECK(digits->train.labels[0] == 1);
  CHECK(digits->train.bytes[3] == 12);
}

TEST_CASE("mnist reads the four files, compressed or not") {
  const TempDir dir;
  write_gzip(dir / "train-images-idx3-ubyte.gz", idx_images(4, 2, 3));
  write_text(dir / "train-labels-idx1-ubyte", idx_labels({3, 1, 4, 1}));
  write_text(dir / "t10k-images-idx3-ubyte", idx_images(1, 2, 3));
  const std::string spec = "mnist:" + dir.path().string();
  CHECK(load_dataset(spec, 1).error().message ==
        dir.path().string() +
            ": neither t10k-labels-idx1-ubyte nor t10k-labels-idx1-ubyte.gz is there");
  write_text(dir / "t10k-labels-idx1-ubyte", idx_labels({5}));
  const auto mnist = load_dataset(spec, 1);
  REQUIRE(mnist);
  CHECK(mnist->train.rows == 4);
  CHECK(mnist->train.width == 6);
  CHECK(mnist->train.scale == 1.0F / 255);
  CHECK(mnist->held_out.labels == std::vector<std::int32_t>{5});

  write_text(dir / "t10k-labels-idx1-ubyte", idx_labels({5, 6}));
  CHECK(load_dataset(spec, 1).error().message == (dir / "t10k-images-idx3-ubyte").string() +
                                                     ": 1 images, but 2 labels in " +
                                                     (dir / "t10k-labels-idx1-ubyte").string());
}

TEST_CASE("csv splits as digits do and counts its classes") {
  const TempDir dir;
  write_text(dir / "x.csv", "0,0,2\n1,1,0\n2,2,1\n3,3,1\n4,4,0\n5,5,1\n");
  const std::string spec = "csv:" + (dir / "x.csv").string();
  const auto data = load_dataset(spec, 1);
  REQUIRE(data);
  CHECK(data->classes == 3);
  CHECK(data->held_out.floats == std::vector<float>{0, 0, 5, 5});
  CHECK(data->train.labels == std::vector<std::int32_t>{0, 1, 1, 0});
  CHECK(load_dataset(spec, 1, 2).error().message ==
        (dir / "x.csv").string() + ":1: label 2 is not in 0..1");
}

TEST_CASE("linear is 2x + 1 with little noise, by seed") {
  const auto data = load_dataset("linear", 7);
  REQUIRE(data);
  CHECK(data->classes == 0);
  CHECK(data->train.target_width == 1);
  for (std::size_t i = 0; i < data->train.rows; ++i) {
    CHECK(data->train.targets[i] == Approx(2 * data->train.floats[i] + 1).margin(0.3));
  }
  CHECK(load_dataset("linear", 7).value().train.floats == data->train.floats);
  CHECK(load_dataset("linear", 8).value().train.floats != data->train.floats);
}

TEST_CASE("data that is not there is refused in one line that names it") {
  CHECK(load_dataset("mars", 1).error().message ==
        "data 'mars' is none of digits, mnist:DIR, csv:FILE, linear");
  CHECK(load_dataset("csv:", 1).error().message ==
        "data 'csv:' is none of digits, mnist:DIR, csv:FILE, linear");
  CHECK(load_dataset("csv:/nowhere/x.csv", 1).error().message ==
        "/nowhere/x.csv: cannot read: No such file or directory");
  const TempDir dir;
  CHECK(load_dataset("csv:" + dir.path().string(), 1).error().message ==
        dir.path().string() + ": cannot read: Is a directory");
}

TEST_CASE("a file that decompresses past its cap is refused") {
  const TempDir dir;
  write_gzip(dir / "bomb.gz", std::string(1 << 20, '0'));
  CHECK(read_data_file(dir / "bomb.gz", 1 << 16).error().message ==
        (dir / "bomb.gz").string() + ": more than 65536 bytes when decompressed");
  CHECK(read_data_file(dir / "bomb.gz", 1 << 20).value().size() == 1 << 20);
}

}  // namespace
}  // namespace murmur::core
