// The bytes of one message of each type. They were not made by this encoder but by one written from
// docs/protocol.md alone, so that a change of the wire is made on purpose: in the document, here
// and in kVersion.
#include <string_view>

#include "gossip/wire.hpp"
#include "tests/catch.hpp"

namespace murmur::gossip::wire {
namespace {

struct Golden {
  const char* name;
  Body body;
  core::Bytes payload;
  /// Magic, version, type and phase; schema. src. dst. Boots; step; sizes; checksum. The body.
  std::string_view head;
};

std::vector<Golden> golden() {
  return {
      {"Hello",
       Hello{true,
             0xa1a2a3a4,
             0xb1b2b3b4,
             "10.0.0.1:7001",
             "mlp:64-128-10",
             {{{9, 10}, "10.0.0.9:7009"}}},
       {},
       "4d524d5201000101 c7c6c5c4c3c2c1c0 "
       "08070605040302011817161514131211 "
       "28272625242322213837363534333231 "
       "0500000006000000 0800000007000000 4400000000000000 06dbbeb6 "
       "01 a4a3a2a1 b4b3b2b1 0d31302e302e302e313a37303031 0d6d6c703a36342d3132382d3130 01 "
       "09000000000000000a00000000000000 0d31302e302e302e393a37303039"},
      {"Refuse",
       Refuse{0xb1b2b3b4, "another model"},
       {},
       "4d524d5201000201 c7c6c5c4c3c2c1c0 "
       "08070605040302011817161514131211 "
       "28272625242322213837363534333231 "
       "0500000006000000 0800000007000000 1200000000000000 63b651b5 "
       "b4b3b2b1 0d616e6f74686572206d6f64656c"},
      {"Resume",
       Resume{true, false, {{{1, 20}, {2, 3}}, {{4, 5}}, {2, 3}}},
       {},
       "4d524d5201000301 c7c6c5c4c3c2c1c0 "
       "08070605040302011817161514131211 "
       "28272625242322213837363534333231 "
       "0500000006000000 0800000007000000 2600000000000000 e47181c6 "
       "01 00 0200 0100000014000000 0200000003000000 0100 0400000005000000 0200000003000000"},
      {"Offer",
       Offer{{5, 77}, 3, core::Codec::kFp16, 1000},
       {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}},
       "4d524d5201000401 c7c6c5c4c3c2c1c0 "
       "08070605040302011817161514131211 "
       "28272625242322213837363534333231 "
       "0500000006000000 0800000007000000 1100000004000000 fc048687 "
       "050000004d000000 03000000 01 e8030000"},
      {"Transfer",
       Transfer{{5, 8}, {4, 77}, 3, core::Codec::kInt8, 0.375F, 0x0000000600000005},
       {std::byte{5}, std::byte{6}, std::byte{7}},
       "4d524d5201000501 c7c6c5c4c3c2c1c0 "
       "08070605040302011817161514131211 "
       "28272625242322213837363534333231 "
       "0500000006000000 0800000007000000 2100000003000000 0ed533c4 "
       "0500000008000000 040000004d000000 03000000 02 0000c03e 0500000006000000"},
      {"Void",
       Void{{5, 8}},
       {},
       "4d524d5201000601 c7c6c5c4c3c2c1c0 "
       "08070605040302011817161514131211 "
       "28272625242322213837363534333231 "
       "0500000006000000 0800000007000000 0800000000000000 540adb98 "
       "0500000008000000"},
      {"Receipt",
       Receipt{{4, 9}, true},
       {},
       "4d524d5201000701 c7c6c5c4c3c2c1c0 "
       "08070605040302011817161514131211 "
       "28272625242322213837363534333231 "
       "0500000006000000 0800000007000000 0900000000000000 15d919e2 "
       "0400000009000000 01"},
      {"Decline",
       Decline{{4, 77}, DeclineReason::kNotFinite, 60000},
       {},
       "4d524d5201000801 c7c6c5c4c3c2c1c0 "
       "08070605040302011817161514131211 "
       "28272625242322213837363534333231 "
       "0500000006000000 0800000007000000 0d00000000000000 c0af2701 "
       "040000004d000000 04 60ea0000"},
      {"Ping",
       Ping{{{{9, 10}, "10.0.0.9:7009"}}},
       {},
       "4d524d5201000901 c7c6c5c4c3c2c1c0 "
       "08070605040302011817161514131211 "
       "28272625242322213837363534333231 "
       "0500000006000000 0800000007000000 1f00000000000000 1a2ec154 "
       "01 09000000000000000a00000000000000 0d31302e302e302e393a37303039"},
      {"Pong",
       Pong{},
       {},
       "4d524d5201000a01 c7c6c5c4c3c2c1c0 "
       "08070605040302011817161514131211 "
       "28272625242322213837363534333231 "
       "0500000006000000 0800000007000000 0100000000000000 a2d82557 "
       "00"},
      {"StateRequest",
       StateRequest{7, 0x0000000100000000},
       {},
       "4d524d5201000b01 c7c6c5c4c3c2c1c0 "
       "08070605040302011817161514131211 "
       "28272625242322213837363534333231 "
       "0500000006000000 0800000007000000 0c00000000000000 cd07f043 "
       "07000000 0000000001000000"},
      {"StateChunk",
       StateChunk{7, 0x0000000100000000, 0x0000000200000001, 99, 0xdeadbeef},
       {std::byte{8}, std::byte{9}},
       "4d524d5201000c01 c7c6c5c4c3c2c1c0 "
       "08070605040302011817161514131211 "
       "28272625242322213837363534333231 "
       "0500000006000000 0800000007000000 2000000002000000 e0d5edd9 "
       "07000000 0000000001000000 0100000002000000 6300000000000000 efbeadde"},
      {"Bye",
       Bye{},
       {},
       "4d524d5201000d01 c7c6c5c4c3c2c1c0 "
       "08070605040302011817161514131211 "
       "28272625242322213837363534333231 "
       "0500000006000000 0800000007000000 0000000000000000 63ff6052"},
  };
}

Header header() {
  Header h;
  h.phase = Phase::kTraining;
  h.schema = 0xc0c1c2c3c4c5c6c7;
  h.src = {0x0102030405060708, 0x1112131415161718};
  h.dst = {0x2122232425262728, 0x3132333435363738};
  h.src_boot = 5;
  h.dst_boot = 6;
  h.step = 0x0000000700000008;
  return h;
}

core::Bytes from_hex(std::string_view text) {
  core::Bytes bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    bytes.push_back(static_cast<std::byte>(digit(text[i]) * 16 + digit(text[i + 1])));
    ++i;
  }
  return bytes;
}

TEST_CASE("every message has the bytes that the document says") {
  const std::vector<Golden> all = golden();
  REQUIRE(all.size() == kTypeMax);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Golden& g = all[i];
    CAPTURE(g.name);
    CHECK(g.body.index() == i);
    Header h = header();
    h.payload_size = static_cast<std::uint32_t>(g.payload.size());
    CHECK(encode(h, g.body, g.payload) == from_hex(g.head));
  }
}

TEST_CASE("the documented bytes are read as the message they are of") {
  for (const Golden& g : golden()) {
    CAPTURE(g.name);
    const core::Bytes head = from_hex(g.head);
    const auto read = peek(head, g.payload, 1 << 20);
    REQUIRE(read);
    CHECK(checksum_ok(head, g.payload));
    CHECK(read->schema == header().schema);
    CHECK(read->src == header().src);
    CHECK(read->dst == header().dst);
    CHECK(read->src_boot == 5);
    CHECK(read->dst_boot == 6);
    CHECK(read->step == header().step);
    const auto body = parse(*read, head);
    REQUIRE(body);
    // The encoder was held against the same bytes: so equal bytes are equal values.
    CHECK(encode(*read, *body, g.payload) == head);
  }
}

}  // namespace
}  // namespace murmur::gossip::wire
