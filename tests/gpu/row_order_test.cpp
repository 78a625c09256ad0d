#include "gpu/row_order.hpp"

#include <set>
#include <vector>

#include "../catch.hpp"

namespace murmur::gpu {
namespace {

TEST_CASE("an epoch visits every row once, in an order of its own") {
  for (const std::uint32_t rows : {1U, 2U, 3U, 16U, 17U, 360U, 1437U, 65537U}) {
    std::vector<std::vector<std::uint32_t>> epochs;
    for (std::uint64_t epoch = 0; epoch < 2; ++epoch) {
      const RowOrder order(1, 0, epoch, rows);
      std::vector<bool> seen(rows, false);
      std::vector<std::uint32_t> visited;
      for (std::uint32_t i = 0; i < rows; ++i) {
        const std::uint32_t row = order(i);
        REQUIRE(row < rows);
        REQUIRE_FALSE(seen[row]);
        seen[row] = true;
        visited.push_back(row);
      }
      epochs.push_back(visited);
    }
    if (rows >= 16) CHECK(epochs[0] != epochs[1]);
  }
}

TEST_CASE("any row comes first about as often as any other") {
  constexpr std::uint32_t kRows = 10, kEpochs = 20'000;
  std::vector<int> first(kRows, 0);
  for (std::uint64_t epoch = 0; epoch < kEpochs; ++epoch) ++first[RowOrder(3, 2, epoch, kRows)(0)];
  for (const int count : first) CHECK(count == Approx(kEpochs / kRows).epsilon(0.1));
}

}  // namespace
}  // namespace murmur::gpu
