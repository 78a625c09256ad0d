#include "core/cifar_reader.hpp"

#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::core {
namespace {

using murmur::testing::TempDir;
using murmur::testing::write_gzip;
using murmur::testing::write_text;

/// Images of one value each.
std::string images(std::initializer_list<int> labels) {
  std::string file;
  for (const int label : labels) {
    file += static_cast<char>(label);
    file += std::string(3072, static_cast<char>(10 * label));
  }
  return file;
}

TEST_CASE("cifar10 reads as many batches as follow each other, compressed or not") {
  const TempDir dir;
  const std::string spec = "cifar10:" + dir.path().string();
  const auto error = [&] { return load_dataset(spec, 1).error().message; };
  CHECK(error() ==
        dir.path().string() + ": neither data_batch_1.bin nor data_batch_1.bin.gz is there");
  write_text(dir / "data_batch_1.bin", images({3, 1}));
  write_gzip(dir / "data_batch_2.bin.gz", images({9}));
  write_text(dir / "data_batch_4.bin", images({4}));
  CHECK(error() == dir.path().string() + ": neither test_batch.bin nor test_batch.bin.gz is there");
  write_text(dir / "test_batch.bin", images({7, 0}));
  const auto data = load_dataset(spec, 1);
  REQUIRE(data);
  CHECK(data->name == "cifar10");
  CHECK(data->classes == 10);
  CHECK(data->train.rows == 3);
  CHECK(data->train.width == 3072);
  CHECK(data->train.labels == std::vector<std::int32_t>{3, 1, 9});
  CHECK(data->train.bytes.row(2, 3072)[0] == 90);
  CHECK(data->train.scale == 1.0F / 255);
  CHECK(data->held_out.labels == std::vector<std::int32_t>{7, 0});

  write_text(dir / "test_batch.bin", images({10}));
  CHECK(error() == (dir / "test_batch.bin").string() + ": image 0: label 10 > 9");
  write_text(dir / "test_batch.bin", images({1}) + "x");
  CHECK(error() ==
        (dir / "test_batch.bin").string() + ": 3074 bytes are no whole number of images of 3073");
}

}  // namespace
}  // namespace murmur::core
