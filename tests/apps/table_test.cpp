#include "apps/table.hpp"

#include <cmath>

#include "tests/catch.hpp"

namespace murmur::apps {
namespace {

TEST_CASE("columns are as wide as their widest cell, and numbers line up on the right") {
  Table table({"peer", "step"});
  table.add({"0 7f3a", "5"});
  table.add({"1", "123456"});
  CHECK(table.text() ==
        "peer      step\n"
        "0 7f3a       5\n"
        "1       123456\n");
}

TEST_CASE("a block is cut to the screen, so that none of its lines wraps or scrolls away") {
  const std::string block = "title\n1234567\n123456\n";
  CHECK(fitted(block, 7, 4) == block);
  CHECK(fitted(block, 6, 4) == "title\n123456\n123456\n");
  CHECK(fitted(block, 80, 3) == "title\n... and 2 lines more\n");
  CHECK(fitted(block, 9, 2) == "... and 3\n");
  CHECK(fitted("", 80, 24).empty());
}

TEST_CASE("cells show what is not finite as a dash") {
  CHECK(percent_cell(0.97222, 1) == "97.2 %");
  CHECK(percent_cell(NAN, 1) == "-");
  CHECK(loss_cell(0.01234) == "0.0123");
  CHECK(loss_cell(INFINITY) == "-");
  CHECK(small_cell(0.00123) == "1.2e-03");
  CHECK(plain_cell(NAN, 1) == "-");
}

}  // namespace
}  // namespace murmur::apps
