#include "gossip/wire.hpp"

#include "core/rng.hpp"
#include "tests/catch.hpp"

namespace murmur::gossip::wire {
namespace {

constexpr std::size_t kPayloadMax = 1 << 16;

Header some_header() {
  Header h;
  h.phase = Phase::kTraining;
  h.schema = 42;
  h.src = {1, 2};
  h.dst = {3, 4};
  h.src_boot = 5;
  h.dst_boot = 6;
  h.step = 7;
  return h;
}

std::vector<Body> one_of_each() {
  Resume resume;
  resume.has_yours = true;
  resume.facts = {{{1, 9}, {2, 3}}, {{4, 1}}, {{1, 9}, {2, 3}}};
  Hello hello;
  hello.nonce = 1, hello.echo = 2, hello.process = 3, hello.lineage_step = 4;
  hello.state = {core::Optimizer::kAdam, {core::Plane::kParameters, core::Plane::kSecondMoment}};
  hello.shards = {{0, 2}, {5, 1}};
  hello.address = "127.0.0.1:9", hello.model = "mlp:1-2";
  hello.verdicts = {{7, 8}};
  hello.members = {{{9, 9}, "host:1"}};
  const Planes two{{core::Plane::kParameters, core::Codec::kFp16, 60},
                   {core::Plane::kFirstMoment, core::Codec::kInt8, 40}};
  return {hello,
          Refuse{3, 4, "another model"},
          resume,
          Offer{{1, 2}, 3, 4, two},
          Transfer{{1, 2}, {3, 4}, 5, 0.5F, 1.5, 6, {1, 1}, two},
          Void{{1, 2}},
          Receipt{{1, 2}, {{{1, 1}, false, {kWholeShare, 7}}, {{1, 2}, true, {}}}},
          Decline{{1, 2}, DeclineReason::kStale, 30},
          Ping{{{{9, 9}, "host:1"}}},
          Pong{},
          StateRequest{1, core::Plane::kFirstMoment, 2},
          StateChunk{1, core::Plane::kParameters, 3, 4, 5, hello.state},
          Bye{}};
}

TEST_CASE("every message survives the wire to the bit") {
  for (const Body& body : one_of_each()) {
    const bool carries =
        std::holds_alternative<Offer>(body) || std::holds_alternative<Transfer>(body);
    const core::Bytes payload(carries ? 100 : 0, std::byte{7});
    const core::Bytes head = encode(some_header(), body, payload);
    const auto header = peek(head, payload, kPayloadMax);
    REQUIRE(header);
    CHECK(header->src == core::PeerId{1, 2});
    CHECK(header->dst_boot == 6);
    CHECK(header->step == 7);
    CHECK(checksum_ok(head, payload));
    const auto parsed = parse(*header, head);
    REQUIRE(parsed);
    CHECK(parsed->index() == body.index());
    CHECK(encode(*header, *parsed, payload) == head);
  }
}

TEST_CASE("a truncated head is refused at every length") {
  for (const Body& body : one_of_each()) {
    const core::Bytes head = encode(some_header(), body, {});
    for (std::size_t size = 0; size < head.size(); ++size) {
      CHECK_FALSE(peek(core::ByteView(head).first(size), {}, kPayloadMax));
    }
  }
}

TEST_CASE("every single flipped bit is refused") {
  const core::Bytes payload(33, std::byte{1});
  core::Bytes head = encode(some_header(), one_of_each()[4], payload);
  for (std::size_t bit = 0; bit < head.size() * 8; ++bit) {
    head[bit / 8] ^= std::byte{static_cast<unsigned char>(1U << (bit % 8))};
    CHECK((!peek(head, payload, kPayloadMax) || !checksum_ok(head, payload)));
    head[bit / 8] ^= std::byte{static_cast<unsigned char>(1U << (bit % 8))};
  }
}

TEST_CASE("random bodies under a valid header never parse past their end") {
  core::Rng rng(1, 0, "random bodies");
  for (int round = 0; round < 20'000; ++round) {
    Header header = some_header();
    header.type = Type{static_cast<std::uint8_t>(1 + rng.below(kTypeMax))};
    core::Bytes head(kHeaderSize + rng.below(80));
    for (std::byte& b : head) b = std::byte{static_cast<unsigned char>(rng.below(256))};
    const auto parsed = parse(header, head);
    if (parsed) CHECK(parsed->index() + 1 == static_cast<std::size_t>(header.type));
  }
}

TEST_CASE("what is out of range is refused under its reason") {
  const core::Bytes ok = encode(some_header(), Bye{}, {});
  const auto reason = [](core::Bytes head, std::size_t at, unsigned char value,
                         core::ByteView payload = {}) {
    head[at] = std::byte{value};
    const auto header = peek(head, payload, 4);
    return header ? std::string_view("accepted") : to_string(header.error());
  };
  CHECK(reason(ok, 0, 'X') == "magic");
  CHECK(reason(ok, 4, 99) == "version");
  CHECK(reason(ok, 4, 1) == "version");
  CHECK(reason(ok, 6, 0) == "type");
  CHECK(reason(ok, 6, 14) == "type");
  CHECK(reason(ok, 7, 5) == "field");
  CHECK(reason(ok, 80, 1) == "size");
  const core::Bytes extra(3);
  CHECK(reason(ok, 6, 13, extra) == "frames");
  const core::Bytes long_payload(5);
  CHECK(reason(ok, 6, 13, long_payload) == "size");
}

TEST_CASE("what was made in a boot still to come, or numbered zero, is refused") {
  const auto parses = [](const Body& body) {
    const core::Bytes head = encode(some_header(), body, {});
    return parse(*peek(head, {}, kPayloadMax), head).has_value();
  };
  CHECK(parses(Void{{5, 1}}));
  CHECK_FALSE(parses(Void{{6, 1}}));
  Resume resume;
  resume.facts.created = {{5, 1}};
  CHECK(parses(resume));
  resume.facts.created = {{5, 0}};
  CHECK_FALSE(parses(resume));
  resume.facts.created = {{6, 1}};
  CHECK_FALSE(parses(resume));
  resume.facts.created.clear();
  resume.facts.pending = {{5, 0}};
  CHECK_FALSE(parses(resume));
  resume.facts.pending = {{5, 2}, {5, 1}};
  CHECK_FALSE(parses(resume));
  resume.facts.pending = {{6, 1}};
  CHECK_FALSE(parses(resume));
  resume.facts.pending = {{4, 1}, {5, 1}};
  CHECK(parses(resume));
}

TEST_CASE("the layout of a Hello from another version can be read, to answer it") {
  Header header = some_header();
  header.version = 77;
  const core::Bytes head = encode(header, one_of_each()[0], {});
  const auto peeked = peek(head, {}, kPayloadMax);
  REQUIRE(peeked);
  CHECK(peeked->version == 77);
  CHECK(parse(*peeked, head));
}

}  // namespace
}  // namespace murmur::gossip::wire
