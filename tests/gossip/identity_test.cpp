// Two processes of one identity, and a state that is older than what neighbours know.
#include "tests/catch.hpp"
#include "tests/gossip/pair.hpp"

namespace murmur::gossip::test {
namespace {

using namespace std::chrono_literals;
using What = PeerReport::What;

bool said(const Peer& peer, What what, const std::string& text) {
  for (const PeerReport& report : peer.reported<PeerReport>()) {
    if (report.what == what && report.message.find(text) != std::string::npos) return true;
  }
  return false;
}

/// Three peers that save often; the last is the one whose state is copied.
struct Fleet {
  Fleet() {
    for (std::size_t i = 0; i < 3; ++i) {
      Config config = net.config(i);
      config.save_every = 20ms;
      net.add(3.0F, config);
    }
    net.run(3s);
  }
  Peer& peer(std::size_t i) { return *net.peers[i]; }
  /// Another process, at another address, from `storage`, under the identity of peer 2.
  Peer& copy_of_last(FailingStorage storage) {
    Config config = net.config(net.peers.size());
    config.save_every = 20ms;
    net.peers.push_back(std::make_unique<Peer>(0.0F, config, "quadratic:1"));
    Peer& twin = *net.peers.back();
    twin.storage = std::move(storage);
    twin.start(net.now, {0, 3}, 77, true);
    return twin;
  }
  /// The last peer's state from before it started once more; it is dead afterwards.
  FailingStorage one_start_old() {
    FailingStorage backup = peer(2).storage;
    net.kill(2);
    net.start(2, true);
    net.run(1s);
    net.kill(2);
    return backup;
  }
  [[nodiscard]] bool even() const {
    for (const auto& p : net.peers) {
      if (!p->dead && p->machine->counters().lost_here > 1000) return false;
    }
    return true;
  }
  Net net;
};

TEST_CASE("of two live processes of one identity the later is refused, in words on both sides") {
  Fleet fleet;
  Peer& twin = fleet.copy_of_last(fleet.peer(2).storage);
  fleet.net.run(2s);
  const std::string words = "another process runs under this identity";
  CHECK((said(fleet.peer(0), What::kRefused, words) || said(fleet.peer(1), What::kRefused, words)));
  CHECK(said(twin, What::kRefusedUs, words));
  CHECK(twin.machine->status().neighbours == 0);
  CHECK(fleet.peer(2).machine->status().neighbours == 2);
  // It is heard once the first is no more.
  fleet.net.kill(2);
  CHECK(fleet.net.run(15s, [&] { return twin.machine->status().neighbours == 2; }));
}

TEST_CASE("a peer that starts anew elsewhere right after it was killed is soon heard") {
  Fleet fleet;
  fleet.net.kill(2);
  Peer& again = fleet.copy_of_last(fleet.peer(2).storage);
  CHECK(fleet.net.run(5s, [&] { return again.machine->status().neighbours == 2; }));
  CHECK_FALSE(said(again, What::kRefusedUs, ""));
}

TEST_CASE("a state from before several starts goes on past the newest, and says so") {
  Fleet fleet;
  const FailingStorage backup = fleet.peer(2).storage;
  for (int starts = 0; starts < 5; ++starts) {
    fleet.net.kill(2);
    fleet.net.start(2, true);
    fleet.net.run(1s);
  }
  REQUIRE(fleet.peer(2).machine->self().boot == 6);
  fleet.net.kill(2);
  fleet.peer(2).storage = backup;
  fleet.net.start(2, true);
  CHECK(fleet.peer(2).machine->self().boot == 2);
  REQUIRE(fleet.net.run(2s, [&] { return fleet.peer(2).machine->status().neighbours == 2; }));
  CHECK(fleet.peer(2).machine->self().boot == 7);
  CHECK((said(fleet.peer(0), What::kRefused, "its state is older than what is known of it") ||
         said(fleet.peer(1), What::kRefused, "its state is older than what is known of it")));
  CHECK(said(fleet.peer(2), What::kRefusedUs, "its state is older than what is known of it"));
  bool noticed = false;
  for (const NoticeReport& notice : fleet.peer(2).reported<NoticeReport>()) {
    noticed |= notice.message.find("goes on as boot 7") != std::string::npos;
  }
  CHECK(noticed);
}

TEST_CASE("a state from before the last start is told that its boot was another process") {
  Fleet fleet;
  const FailingStorage backup = fleet.one_start_old();
  fleet.net.run(5s);  // the others take it for silent
  Peer& again = fleet.copy_of_last(backup);
  REQUIRE(fleet.net.run(2s, [&] { return again.machine->status().neighbours == 2; }));
  CHECK(again.machine->self().boot == 3);
  CHECK(said(again, What::kRefusedUs, "boot 2 was another process"));
}

TEST_CASE("what is known of another's boot outlives a restart of the one that knows it") {
  Fleet fleet;
  const FailingStorage backup = fleet.one_start_old();
  for (const std::size_t i : {0, 1}) {
    fleet.net.kill(i);
    fleet.net.start(i, true);
  }
  fleet.net.run(1s);
  fleet.peer(2).storage = backup;
  fleet.peer(2).start(fleet.net.now, {0, 3}, 77, true);
  CHECK(fleet.peer(2).machine->self().boot == 2);  // as the process before it was
  REQUIRE(fleet.net.run(3s, [&] { return fleet.peer(2).machine->status().neighbours == 2; }));
  CHECK(fleet.peer(2).machine->self().boot == 3);
}

TEST_CASE("a neighbour that claims a boot no peer can have reached is not believed") {
  Net net;
  const Peer& peer = net.add(3.0F, net.config(0));
  wire::Header header;
  header.schema = peer.replica->schema().hash();
  header.src = {9, 9};
  header.src_boot = 1;
  header.dst = peer.machine->self().id;
  header.dst_boot = 1;
  net.inject(0, {wire::encode(header, wire::Refuse{0, 0xfffffffe, "older"}, {}), nullptr, "p"});
  net.run(100ms);
  CHECK(peer.machine->self().boot == 1);
}

}  // namespace
}  // namespace murmur::gossip::test
