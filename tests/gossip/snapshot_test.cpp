#include "gossip/snapshot.hpp"

#include "tests/catch.hpp"

namespace murmur::gossip {
namespace {

TEST_CASE("a snapshot restores every edge to the bit, and refuses any truncation") {
  std::map<core::PeerId, Link> links;
  links[{1, 1}].address = "host:1";
  Edges edges;
  Edge& edge = edges[{1, 1}];
  edge.mark_seen({1, 5});
  edge.mark_seen({3, 2});
  edge.answered = {2, 9};
  edge.lost_here = 4;
  OutboxEntry entry;
  entry.offer = {2, 9};
  entry.codec = core::Codec::kInt8;
  entry.weight = 0.25F;
  entry.delta = std::make_shared<core::Bytes>(300, std::byte{3});
  edge.create(7, std::move(entry));
  const core::Bytes bytes = write_snapshot({{9, 9}, 42, 100, 10, links, edges});

  const auto restored = read_snapshot(bytes);
  REQUIRE(restored);
  CHECK(restored->step == 100);
  REQUIRE(restored->known.size() == 1);
  CHECK(restored->known[0].address == "host:1");
  const Edge& again = restored->edges.at({1, 1});
  CHECK(again.highest_seen() == core::TransferId{3, 2});
  REQUIRE(again.outbox());
  CHECK(again.outbox()->id == core::TransferId{7, 1});
  CHECK(*again.outbox()->delta == *edge.outbox()->delta);
  CHECK(write_snapshot({{9, 9}, 42, 100, 10, links, restored->edges}) == bytes);

  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(read_snapshot(core::ByteView(bytes).first(size)));
  }
}

}  // namespace
}  // namespace murmur::gossip
