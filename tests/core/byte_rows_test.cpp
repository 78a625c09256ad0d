#include "core/byte_rows.hpp"

#include "tests/catch.hpp"

namespace murmur::core {
namespace {

using Bytes8 = std::vector<std::uint8_t>;
using Rows = std::vector<std::uint32_t>;

TEST_CASE("a selection shares the bytes, a selection of it too") {
  const ByteRows all(Bytes8{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(all.places() == nullptr);
  CHECK(all.rows(2) == 4);
  const ByteRows some = all.select(Rows{3, 1, 1});
  CHECK(some.data() == all.data());
  CHECK(some.rows(2) == 3);
  CHECK(some.gather(2) == Bytes8{7, 8, 3, 4, 3, 4});
  CHECK(some.select(Rows{1, 0}).gather(2) == Bytes8{3, 4, 7, 8});
}

TEST_CASE("a selection that is made compact holds its own bytes alone") {
  const ByteRows some = ByteRows(Bytes8{1, 2, 3, 4}).select(Rows{2, 0}).compact(1);
  CHECK(some.places() == nullptr);
  CHECK(some.gather(1) == Bytes8{3, 1});
}

TEST_CASE("bytes that are mapped stay where they are, and what holds them lives on") {
  auto owner = std::make_shared<const Bytes8>(Bytes8{1, 2, 3, 4});
  const std::uint8_t* const there = owner->data();
  ByteRows rows(owner, *owner, true);
  const std::weak_ptr<const Bytes8> watched = std::exchange(owner, nullptr);
  const ByteRows some = std::exchange(rows, {}).select(Rows{1}).compact(2);
  CHECK(some.data() == there);
  CHECK(some.gather(2) == Bytes8{3, 4});
  CHECK_FALSE(watched.expired());
}

}  // namespace
}  // namespace murmur::core
