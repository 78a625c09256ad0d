#include <algorithm>
#include <array>
#include <set>

#include "core/dataset.hpp"
#include "tests/catch.hpp"

namespace murmur::core {
namespace {

Samples labelled(std::size_t rows, std::size_t classes) {
  Samples samples;
  samples.rows = rows;
  samples.width = 1;
  samples.floats.resize(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    samples.labels.push_back(static_cast<std::int32_t>(i % classes));
  }
  return samples;
}

TEST_CASE("the parts of one seed are disjoint, sorted and cover every row") {
  const Samples samples = labelled(1003, 10);
  const double alpha = GENERATE(0.0, 0.3, 100.0);
  const std::size_t parts = 7;
  std::set<std::uint32_t> all;
  std::size_t total = 0;
  for (std::size_t i = 0; i < parts; ++i) {
    const auto rows = partition_rows(samples, 10, {alpha, i, parts}, 5);
    REQUIRE(rows);
    CHECK(std::is_sorted(rows->begin(), rows->end()));
    if (alpha == 0) CHECK((rows->size() == 143 || rows->size() == 144));
    all.insert(rows->begin(), rows->end());
    total += rows->size();
  }
  CHECK(total == 1003);
  CHECK(all.size() == 1003);
}

TEST_CASE("a small dirichlet concentration deals each class to few peers") {
  const Samples samples = labelled(10000, 10);
  const auto largest_share = [&](double alpha) {
    const auto rows = partition_rows(samples, 10, {alpha, 0, 4}, 1).value();
    std::array<double, 10> counts{};
    for (const std::uint32_t row : rows) ++counts[static_cast<std::size_t>(samples.labels[row])];
    return *std::max_element(counts.begin(), counts.end()) / static_cast<double>(rows.size());
  };
  CHECK(largest_share(0.1) > 0.2);
  CHECK(largest_share(1000) < 0.12);
}

TEST_CASE("another seed deals otherwise") {
  const Samples samples = labelled(100, 10);
  CHECK(partition_rows(samples, 10, {0, 0, 2}, 1).value() !=
        partition_rows(samples, 10, {0, 0, 2}, 2).value());
}

TEST_CASE("a deal that leaves a part empty is drawn again, the same for every part") {
  const Samples samples = labelled(1437, 10);
  constexpr std::size_t kParts = 16;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    std::set<std::uint32_t> all;
    std::size_t total = 0;
    for (std::size_t i = 0; i < kParts; ++i) {
      const auto rows = partition_rows(samples, 10, {0.05, i, kParts}, seed);
      REQUIRE(rows);
      CHECK_FALSE(rows->empty());
      all.insert(rows->begin(), rows->end());
      total += rows->size();
    }
    CHECK(total == samples.rows);
    CHECK(all.size() == samples.rows);
  }
}

TEST_CASE("more parts than rows are refused, and so is what no deal makes possible") {
  CHECK(partition_rows(labelled(3, 2), 2, {0, 0, 4}, 1).error().message ==
        "4 parts of 3 rows: some would be empty");
  const Samples few = labelled(20, 2);
  for (std::size_t i = 0; i < 10; ++i) {
    const auto rows = partition_rows(few, 2, {0.001, i, 10}, 1);
    REQUIRE_FALSE(rows);
    CHECK(rows.error().message ==
          "dirichlet:0.001 with seed 1: in 100 deals of 20 rows some of 10 parts had none");
  }
}

TEST_CASE("parts read as I/N") {
  const auto part = parse_part("3/4");
  REQUIRE(part);
  CHECK(part->index == 3);
  CHECK(part->count == 4);
  CHECK(parse_part("5/4").error().message == "part 5/4: 5 > 3, the last of 4");
  CHECK(parse_part("4/4").error().message == "part 4/4: 4 > 3, the last of 4");
  for (const char* text : {"", "1", "/", "1/", "/2", "a/2", "-1/2", "1/0", "1/2x"}) {
    INFO(text);
    CHECK(parse_part(text).error().message == "part '" + std::string(text) + "' is not I/N");
  }
}

TEST_CASE("partitions read as iid or dirichlet:A") {
  CHECK(parse_partition("iid").value() == 0);
  CHECK(parse_partition("dirichlet:0.5").value() == 0.5);
  for (const char* text : {"", "IID", "dirichlet", "dirichlet:", "dirichlet:0", "dirichlet:-1",
                           "dirichlet:inf", "dirichlet:1x"}) {
    INFO(text);
    CHECK_FALSE(parse_partition(text));
  }
}

}  // namespace
}  // namespace murmur::core
