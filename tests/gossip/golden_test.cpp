// The bytes of one message of each type (golden/messages.txt). They were not made by this encoder
// but by one written from docs/protocol.md alone (examples/python/wire.py), so that a change of the
// wire is made on purpose: in the document, in both and in kVersion.
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "gossip/wire.hpp"
#include "tests/catch.hpp"

namespace murmur::gossip::wire {
namespace {

struct Golden {
  const char* name;
  Body body;
};

std::vector<Golden> golden() {
  const core::StateKind adam{
      core::Optimizer::kAdam,
      {core::Plane::kParameters, core::Plane::kFirstMoment, core::Plane::kSecondMoment}};
  const std::vector<Member> members{{{9, 10}, "10.0.0.9:7009"}};
  Hello hello;
  hello.wants_reply = true;
  hello.nonce = 0xa1a2a3a4a5a6a7a8;
  hello.echo = 0xb1b2b3b4b5b6b7b8;
  hello.process = 0xd1d2d3d4d5d6d7d8;
  hello.lineage_step = 0x0000000900000010;
  hello.codecs = 7;
  hello.state = adam;
  hello.shards = {{0, 2}, {5, 1}};
  for (std::size_t i = 0; i < hello.proof.size(); ++i) hello.proof[i] = static_cast<std::byte>(i);
  hello.address = "10.0.0.1:7001";
  hello.model = "mlp:64-128-10";
  hello.verdicts = {{0x71, 0x72}};
  hello.members = members;
  const std::uint64_t many = 0x100000000;
  return {
      {"Hello", hello},
      {"Refuse", Refuse{0xb1b2b3b4b5b6b7b8, 7, "another model"}},
      {"Resume",
       Resume{true, false, {{{1, 20}, {2, many + 3}}, {{4, 5}}, {{2, many + 2}, {2, many + 3}}}}},
      {"Offer", Offer{{5, 77}, 3, 1000, {{core::Plane::kParameters, core::Codec::kFp16, 4}}}},
      {"Transfer", Transfer{{5, many + 8},
                            {4, 77},
                            3,
                            0.375F,
                            0.25,
                            0x0000000600000005,
                            {5, many + 7},
                            {{core::Plane::kParameters, core::Codec::kInt8, 2},
                             {core::Plane::kFirstMoment, core::Codec::kInt8, 1}}}},
      {"Void", Void{{5, 8}}},
      {"Receipt", Receipt{{4, 9}, {{{4, 8}, false, {0xffff, 0x8000}}, {{4, 9}, true, {}}}}},
      {"Decline", Decline{{4, 77}, DeclineReason::kNotFinite, 60000}},
      {"Ping", Ping{members}},
      {"Pong", Pong{}},
      {"StateRequest", StateRequest{7, core::Plane::kFirstMoment, many}},
      {"StateChunk", StateChunk{7, core::Plane::kFirstMoment, many, 99, 98, adam}},
      {"Bye", Bye{}},
  };
}

Header header() {
  Header h;
  h.phase = Phase::kTraining;
  h.schema = 0xc0c1c2c3c4c5c6c7;
  h.swarm = 0x5152535455565758;
  h.lineage = 0x6162636465666768;
  h.src = {0x0102030405060708, 0x1112131415161718};
  h.dst = {0x2122232425262728, 0x3132333435363738};
  h.src_boot = 5;
  h.dst_boot = 6;
  h.step = 0x0000000700000008;
  return h;
}

core::Bytes from_hex(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  core::Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(digit(text[i]) * 16 + digit(text[i + 1])));
  }
  return bytes;
}

struct Documented {
  std::string name;
  core::Bytes head;
  core::Bytes payload;
};

std::vector<Documented> documented() {
  std::ifstream file(MURMUR_GOLDEN_MESSAGES);
  std::vector<Documented> all;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string name;
    std::string head;
    std::string payload;
    words >> name >> head >> payload;
    all.push_back({name, from_hex(head), payload == "-" ? core::Bytes() : from_hex(payload)});
  }
  return all;
}

TEST_CASE("every message has the bytes that the document says") {
  const std::vector<Golden> all = golden();
  const std::vector<Documented> said = documented();
  REQUIRE(all.size() == kTypeMax);
  REQUIRE(said.size() == kTypeMax);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(all[i].name);
    CHECK(said[i].name == all[i].name);
    CHECK(all[i].body.index() == i);
    Header h = header();
    h.payload_size = static_cast<std::uint32_t>(said[i].payload.size());
    CHECK(encode(h, all[i].body, said[i].payload) == said[i].head);
  }
}

TEST_CASE("the documented bytes are read as the message they are of") {
  for (const Documented& message : documented()) {
    CAPTURE(message.name);
    const auto read = peek(message.head, message.payload, 1 << 20);
    REQUIRE(read);
    CHECK(checksum_ok(message.head, message.payload));
    CHECK(read->schema == header().schema);
    CHECK(read->swarm == header().swarm);
    CHECK(read->lineage == header().lineage);
    CHECK(read->src == header().src);
    CHECK(read->dst == header().dst);
    CHECK(read->src_boot == 5);
    CHECK(read->dst_boot == 6);
    CHECK(read->step == header().step);
    const auto body = parse(*read, message.head);
    REQUIRE(body);
    // The encoder was held against the same bytes: so equal bytes are equal values.
    CHECK(encode(*read, *body, message.payload) == message.head);
  }
}

}  // namespace
}  // namespace murmur::gossip::wire
