#include "core/dataset.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

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
  const auto pixels = digits->train.bytes.gather(64);
  CHECK(pixels.size() == 1437 * 64);
  CHECK(digits->train.floats.empty());
  CHECK(digits->train.scale == 1.0F / 16);
  CHECK(*std::max_element(pixels.begin(), pixels.end()) == 16);
  // The file's first line is held out, its second is the first to train on.
  CHECK(digits->held_out.labels[0] == 0);
  CHECK(digits->held_out.bytes.row(0, 64)[2] == 5);
  CHECK(digits->train.labels[0] == 1);
  CHECK(pixels[3] == 12);
}

TEST_CASE("mnist reads the four files, compressed or not") {
  const TempDir dir;
  write_gzip(dir / "train-images-idx3-ubyte.gz", idx_images(4, 2, 3));
  write_text(dir / "train-labels-idx1-ubyte", idx_labels({3, 1, 4, 1}));
  write_text(dir / "t10k-images-idx3-ubyte", idx_images(1, 2, 3));
  const std::string spec = "mnist:" + dir.path().string();
  CHECK(load_dataset(spec, 1).error().message ==
        dir.path().string() +
            ": neither t10k-labels-idx1-ubyte nor t10k-labels.idx1-ubyte is there, "
            "nor one of them with .gz");
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

TEST_CASE("mnist is found under the names that other unpackers give it") {
  const TempDir dir;
  write_text(dir / "train-images.idx3-ubyte", idx_images(2, 2, 3));
  write_gzip(dir / "train-labels.idx1-ubyte.gz", idx_labels({3, 1}));
  std::filesystem::create_directory(dir / "t10k-images-idx3-ubyte");
  write_text(dir / "t10k-images-idx3-ubyte/t10k-images-idx3-ubyte", idx_images(1, 2, 3));
  std::filesystem::create_directory(dir / "t10k-labels.idx1-ubyte");
  write_text(dir / "t10k-labels.idx1-ubyte/t10k-labels.idx1-ubyte", idx_labels({5}));
  const auto mnist = load_dataset("mnist:" + dir.path().string(), 1);
  REQUIRE(mnist);
  CHECK(mnist->train.labels == std::vector<std::int32_t>{3, 1});
  CHECK(mnist->held_out.labels == std::vector<std::int32_t>{5});
  CHECK(mnist->classes == 10);
}

TEST_CASE("a set of IDX files may have more than ten classes, as many as the model tells apart") {
  const TempDir dir;
  write_text(dir / "train-images-idx3-ubyte", idx_images(2, 2, 3));
  write_text(dir / "train-labels-idx1-ubyte", idx_labels({3, 25}));
  write_text(dir / "t10k-images-idx3-ubyte", idx_images(1, 2, 3));
  write_text(dir / "t10k-labels-idx1-ubyte", idx_labels({26}));
  const std::string spec = "mnist:" + dir.path().string();
  CHECK(load_dataset(spec, 1).value().classes == 27);
  CHECK(load_dataset(spec, 1, 26).error().message ==
        (dir / "t10k-labels-idx1-ubyte").string() + ": item 0: label 26 > 25");
}

/// How many rows of each class.
std::map<std::int32_t, std::size_t> counts(const Samples& samples) {
  std::map<std::int32_t, std::size_t> result;
  for (const std::int32_t label : samples.labels) ++result[label];
  return result;
}

TEST_CASE("of a csv a fifth of each class is held out, in whatever order its rows stand") {
  const TempDir dir;
  const auto spec = "csv:" + (dir / "x.csv").string();
  const auto write_rows = [&dir](const auto& label_of) {
    std::string text;
    for (int i = 0; i < 500; ++i) {
      text += std::to_string(i) + "," + std::to_string(label_of(i)) + "\n";
    }
    write_text(dir / "x.csv", text);
  };
  SECTION("in turns") {
    write_rows([](int i) { return i % 5; });
  }
  SECTION("one class after another") {
    write_rows([](int i) { return i / 100; });
  }
  const auto data = load_dataset(spec, 1).value();
  CHECK(data.classes == 5);
  using Counts = std::map<std::int32_t, std::size_t>;
  CHECK(counts(data.held_out) == Counts{{0, 20}, {1, 20}, {2, 20}, {3, 20}, {4, 20}});
  CHECK(counts(data.train) == Counts{{0, 80}, {1, 80}, {2, 80}, {3, 80}, {4, 80}});
  CHECK(std::is_sorted(data.held_out.floats.begin(), data.held_out.floats.end()));
  // The same seed draws the same rows, for every peer of a swarm; another draws others.
  CHECK(load_dataset(spec, 1).value().held_out.floats == data.held_out.floats);
  CHECK(load_dataset(spec, 2).value().held_out.floats != data.held_out.floats);
}

TEST_CASE("a small csv keeps a row of each class to train on, and holds one out") {
  const TempDir dir;
  const std::string spec = "csv:" + (dir / "x.csv").string();
  const auto loaded = [&](const char* text) {
    write_text(dir / "x.csv", text);
    return load_dataset(spec, 1);
  };
  const auto uneven = loaded("0,2\n1,0\n2,1\n3,1\n4,0\n5,1\n6,3\n").value();
  CHECK(uneven.classes == 4);
  CHECK(uneven.held_out.rows == 1);
  CHECK(counts(uneven.train).size() == 4);
  const auto one_each = loaded("0,0\n1,1\n2,2\n").value();
  CHECK(one_each.held_out.rows == 1);
  CHECK(one_each.train.rows == 2);
  CHECK(loaded("0,0\n").error().message ==
        (dir / "x.csv").string() + ": one row is too few to train on");
  write_text(dir / "x.csv", "0,0,2\n");
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
        "data 'mars' is none of digits, mnist:DIR, cifar10:DIR, csv:FILE, "
        "csv-targets:FILE, tensors:FILE, text:FILE, wav:DIR, linear");
  CHECK(load_dataset("csv:", 1).error().message ==
        "data 'csv:' is none of digits, mnist:DIR, cifar10:DIR, csv:FILE, "
        "csv-targets:FILE, tensors:FILE, text:FILE, wav:DIR, linear");
  CHECK(load_dataset("csv:/nowhere/x.csv", 1).error().message ==
        "/nowhere/x.csv: cannot read: No such file or directory");
  const TempDir dir;
  CHECK(load_dataset("csv:" + dir.path().string(), 1).error().message ==
        dir.path().string() + ": cannot read: Is a directory");
}

}  // namespace
}  // namespace murmur::core
