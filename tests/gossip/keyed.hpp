// Two machines whose connections have keys, and what a test asks of them.
#pragma once

#include <algorithm>
#include <chrono>

#include "tests/gossip/pair.hpp"

namespace murmur::gossip::test {

using namespace std::chrono_literals;
using What = PeerReport::What;

inline wire::Type type_of(const Send& send) {
  return wire::peek(send.head, core::view(send.payload), 1 << 20)->type;
}
inline std::uint64_t rejected(const Net& net, std::size_t peer, Reject reason) {
  return net.peers[peer]->machine->counters().rejected[static_cast<std::size_t>(reason)];
}
inline bool is_up(const Net& net, std::size_t peer) {
  return net.peers[peer]->machine->status().neighbours > 0;
}
inline bool was_told(const Net& net, std::size_t peer, What what) {
  const auto reports = net.peers[peer]->reported<PeerReport>();
  return std::any_of(reports.begin(), reports.end(),
                     [what](const PeerReport& report) { return report.what == what; });
}

struct Keyed {
  Keyed() {
    net.keyed = true;
    for (std::size_t i = 0; i < 2; ++i) net.add(static_cast<float>(i), net.config(i));
  }
  [[nodiscard]] bool meet() {
    return net.run(5s, [this] {
      return is_up(net, 0) && is_up(net, 1) && net.peers[0]->machine->status().exchanges > 4;
    });
  }
  /// A message as peer 1 would send it to peer 0, of `body`, that `say` may change.
  Received from_1(const wire::Body& body, core::PeerId src = {0, 2}, core::Boot boot = 1,
                  const core::Payload& payload = nullptr) {
    wire::Header header;
    header.schema = net.peers[0]->replica->schema().hash();
    header.lineage = net.peers[0]->machine->status().lineage;
    header.src = src;
    header.src_boot = boot;
    header.dst = {0, 1};
    header.dst_boot = 1;
    header.payload_size = static_cast<std::uint32_t>(core::view(payload).size());
    return {wire::encode(header, body, core::view(payload)), payload, "p", Net::caller(1)};
  }
  static wire::Hello hello() {
    wire::Hello hello;
    hello.wants_reply = true;
    hello.nonce = 77;
    hello.address = Net::address(1);
    hello.model = "quadratic:1";
    hello.proof = Net::proof(1);
    return hello;
  }
  Net net;
};

}  // namespace murmur::gossip::test
