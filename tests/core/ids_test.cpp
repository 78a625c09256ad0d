#include "core/ids.hpp"

#include "tests/catch.hpp"

namespace murmur::core {
namespace {

TEST_CASE("a peer id reads back from its 32 digits") {
  const PeerId id{0x7f3a000000000001, 0xfedcba9876543210};
  CHECK(to_string(id) == "7f3a000000000001fedcba9876543210");
  CHECK(short_name(id) == "7f3a");
  CHECK(parse_peer_id(to_string(id)).value() == id);
}

TEST_CASE("what is not 32 hexadecimal digits is no peer id, nor is zero") {
  for (const char* text :
       {"", "7f3a", "7f3a000000000001fedcba987654321", "g0000000000000000000000000000001",
        "00000000000000000000000000000000", "-0000000000000010000000000000001",
        "7f3a000000000001fedcba98765432100"}) {
    INFO(text);
    const auto id = parse_peer_id(text);
    REQUIRE_FALSE(id);
    CHECK(id.error().message.find(text) != std::string::npos);
  }
}

TEST_CASE("transfers order by boot before number") {
  CHECK(TransferId{1, 9} < TransferId{2, 1});
  CHECK(TransferId{2, 1} < TransferId{2, 2});
  CHECK_FALSE(PeerId{});
  CHECK(PeerId{0, 1});
}

}  // namespace
}  // namespace murmur::core
