#include "gossip/saved_state.hpp"

#include "tests/catch.hpp"

namespace murmur::gossip {
namespace {

constexpr core::Identity kSelf{{9, 9}, 7};
constexpr std::uint64_t kSchema = 42;

struct Sample {
  Lineages lineages;
  std::map<core::PeerId, Link> links;
  Edges edges;

  Sample() {
    lineages.enter(77, 120);
    lineages.met(78, 500);
    links[{1, 1}].address = "host:1";
    Edge& edge = edges[{1, 1}];
    edge.take({{1, 5}, false, {kWholeShare}}, {7, 1});
    edge.take({{3, 2}, true, {}}, {7, 2});
    edge.take({{3, 3}, false, {0x8000}}, {7, 3});
    edge.settle({3, 1});
    edge.answered = {2, 9};
    edge.lost_here = 4;
    OutboxEntry entry;
    entry.offer = {2, 9};
    entry.codec = core::Codec::kInt8;
    entry.weight = 0.25F;
    entry.delta = std::make_shared<core::Bytes>(300, std::byte{3});
    edge.create(7, entry);
    entry.delta.reset();
    edge.create(7, std::move(entry));
    // As it is after it was restored: this is the newest checkpoint then.
    edge.saving();
    edge.saved(true);
  }
  [[nodiscard]] core::Bytes written(const Edges& of) const {
    return write_saved_state({kSelf.id, kSchema, 100, 10, lineages, links, of});
  }
};

std::string refusal(core::ByteView bytes, core::Identity self, std::uint64_t schema = kSchema) {
  const auto restored = read_saved_state(bytes, self, schema);
  return restored ? "taken" : restored.error().message;
}

TEST_CASE("what was saved restores every edge to the bit, and refuses any other length") {
  const Sample sample;
  const core::Bytes bytes = sample.written(sample.edges);
  const auto restored = read_saved_state(bytes, kSelf, kSchema);
  REQUIRE(restored);
  CHECK(restored->step == 100);
  CHECK(restored->lineages.own() == 77);
  CHECK(restored->lineages.step() == 120);
  CHECK(restored->lineages.heir(77) == 78);
  REQUIRE(restored->known.size() == 1);
  CHECK(restored->known[0].address == "host:1");
  const Edge& again = restored->edges.at({1, 1});
  CHECK(again.highest_seen() == core::TransferId{3, 3});
  CHECK(again.decided_around({3, 2}, 2) ==
        std::vector<Decided>{{{3, 2}, true, {}}, {{3, 3}, false, {0x8000}}});
  CHECK(again.settled() == core::TransferId{7, 1});
  REQUIRE(again.outbox().size() == 2);
  CHECK(again.outbox()[0].id == core::TransferId{7, 1});
  CHECK(*again.outbox()[0].delta == *sample.edges.at({1, 1}).outbox()[0].delta);
  CHECK(again.outbox()[1].id == core::TransferId{7, 2});
  CHECK_FALSE(again.outbox()[1].delta);
  CHECK(sample.written(restored->edges) == bytes);

  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(read_saved_state(core::ByteView(bytes).first(size), kSelf, kSchema));
  }
  core::Bytes longer = bytes;
  longer.push_back(std::byte{0});
  CHECK(refusal(longer, kSelf) == "checkpoint: the protocol part is damaged: bytes past its end");
}

TEST_CASE("what was saved by another peer, a later boot or another model is refused in words") {
  const Sample sample;
  const core::Bytes bytes = sample.written(sample.edges);
  CHECK(refusal(bytes, {{9, 8}, 7}) ==
        "checkpoint: of peer 00000000000000090000000000000009, "
        "but this is peer 00000000000000090000000000000008");
  CHECK(refusal(bytes, {kSelf.id, 6}) == "checkpoint: of boot 7, but the last start was boot 6");
  CHECK(refusal(bytes, {kSelf.id, 8}) == "taken");
  CHECK(refusal(bytes, kSelf, 43) == "checkpoint: of another model");
}

TEST_CASE("no flipped bit of what was saved stops the program or allocates what is not there") {
  // The storage's checksum is ahead of this; behind it stands only what is written here.
  const Sample sample;
  core::Bytes bytes = sample.written(sample.edges);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const std::byte mask{static_cast<unsigned char>(1U << (bit % 8))};
    bytes[bit / 8] ^= mask;
    const auto restored = read_saved_state(bytes, kSelf, kSchema);
    if (restored) {
      for (const auto& [id, edge] : restored->edges) {
        for (const OutboxEntry& entry : edge.outbox()) {
          CHECK(core::view(entry.delta).size() <= bytes.size());
        }
      }
    }
    bytes[bit / 8] ^= mask;
  }
}

}  // namespace
}  // namespace murmur::gossip
