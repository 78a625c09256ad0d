// What strangers may do to a transport's connections without ending its process: reset them at any
// point, send on those that it opened, and hide heartbeats behind what it has not read.
#include <unistd.h>

#include "net/transport.hpp"
#include "net/wake_event.hpp"
#include "tests/catch.hpp"
#include "tests/net/raw_zmtp.hpp"

using namespace murmur;
using namespace std::chrono_literals;
using test::RawSocket;

namespace {

struct Post {
  Post() { transport->set_payload_max(1 << 20); }
  gossip::Address address() const { return net::to_string(transport->bound()); }
  core::Instant time() const {
    return core::Instant(std::chrono::steady_clock::now().time_since_epoch());
  }
  /// Works as a peer's loop does until `text` has come, alone in a head.
  bool hears(std::string_view text) {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < give_up) {
      REQUIRE(transport->tend(time()));
      while (const auto message = transport->receive()) {
        if (message->head == test::bytes_of(text)) return true;
      }
      transport->wait(wake.fd(), 10);
    }
    return false;
  }
  /// A new honest neighbour is heard: so the transport works.
  bool works() {
    Post other;
    const std::string word = "still there";
    if (!other.transport->send(other.time(), address(), test::bytes_of(word), nullptr))
      return false;
    return hears(word);
  }
  net::WakeEvent wake;
  std::unique_ptr<net::Transport> transport = net::Transport::open({"127.0.0.1", 0}).value();
};

}  // namespace

TEST_CASE("a connection that is reset behind unread messages and a heartbeat ends nothing") {
  Post post;
  // More messages than a receiver may let wait, in pieces of what it reads at once, and heartbeats
  // among those that it has read but not taken.
  core::Bytes flood;
  for (int i = 0; i < 2000; ++i) {
    const core::Bytes next = i % 10 == 9 ? test::ping() : test::frame(0, test::bytes_of("x"));
    flood.insert(flood.end(), next.begin(), next.end());
  }
  for (int round = 0; round < 8; ++round) {  // when ZeroMQ's thread reads what is chance
    RawSocket stranger(post.address());
    stranger.shake_hands("DEALER");
    stranger.send(flood);
    // ZeroMQ answers a later connection: so it has read what it will of the flood, then the reset.
    RawSocket(post.address()).shake_hands("DEALER");
    post.transport->wait(post.wake.fd(), 100);
    stranger.reset();
    RawSocket(post.address()).shake_hands("DEALER");
    CHECK(post.works());
  }
}

TEST_CASE(
    "what comes back on a connection that was opened for sending ends that connection alone") {
  Post post;
  RawSocket listener;
  const std::string address = listener.listen();
  for (int round = 0; round < 5; ++round) {
    CAPTURE(round);
    REQUIRE(post.transport->send(post.time(), address, test::bytes_of("hello"), nullptr));
    RawSocket back = listener.accept();
    back.shake_hands("ROUTER");
    REQUIRE(back.ok());
    core::Bytes five;
    for (int i = 0; i < 5; ++i) {
      const core::Bytes one = test::frame(0, test::bytes_of("x"));
      five.insert(five.end(), one.begin(), one.end());
    }
    const core::Bytes beat = test::ping();
    if (round % 2 == 1) five.insert(five.end(), beat.begin(), beat.end());
    back.send(five);
    if (round == 4) {
      // Not reset: the transport drops it by itself.
      const auto give_up = std::chrono::steady_clock::now() + 10s;
      while (post.transport->open_connections() > 0 && std::chrono::steady_clock::now() < give_up) {
        REQUIRE(post.transport->tend(post.time()));
        post.transport->wait(post.wake.fd(), 10);
      }
      CHECK(post.transport->open_connections() == 0);
    }
    back.reset();
    CHECK(post.works());
  }
}

TEST_CASE("a reset at any point of the handshake ends nothing") {
  Post post;
  core::Bytes all = test::greeting();
  const core::Bytes more[] = {test::ready("DEALER"), test::frame(1, test::bytes_of("head")),
                              test::frame(0, test::bytes_of("payload"))};
  for (const core::Bytes& part : more) all.insert(all.end(), part.begin(), part.end());
  for (std::size_t size = 0; size <= all.size(); ++size) {
    RawSocket stranger(post.address());
    stranger.send(core::ByteView(all).first(size));
    if (size % 3 == 0) stranger.skip(size < 10 ? 10 : 64);
    stranger.reset();
  }
  CHECK(post.works());
}

TEST_CASE("a connection of ZMTP 1 or 2 is closed at its greeting") {
  Post post;
  const auto hellos = test::old_greetings();
  for (const core::Bytes& hello : hellos) {
    CAPTURE(&hello - hellos.data());
    RawSocket stranger(post.address());
    stranger.be_patient_for(2000);
    stranger.send(hello);
    CHECK(stranger.is_closed());
  }
  RawSocket listener;
  REQUIRE(post.transport->send(post.time(), listener.listen(), test::bytes_of("hello"), nullptr));
  RawSocket back = listener.accept();
  back.send(hellos.back());
  CHECK(back.is_closed());
  CHECK(post.works());
}

TEST_CASE("a message of endlessly many frames is cut off, and others are heard again") {
  Post post;
  post.transport->set_memory_max(std::size_t{48} << 20);
  RawSocket stranger(post.address());
  stranger.shake_hands("DEALER");
  core::Bytes frames;
  while (frames.size() < (std::size_t{1} << 20)) {
    const core::Bytes one = test::frame(1, core::Bytes(frames.size() % 2000, std::byte{0}));
    frames.insert(frames.end(), one.begin(), one.end());
  }
  bool cut = false;
  const auto give_up = std::chrono::steady_clock::now() + 30s;
  for (std::size_t sent = 0; !cut && std::chrono::steady_clock::now() < give_up; ++sent) {
    stranger.send(frames);
    REQUIRE(stranger.ok());
    cut = post.transport->tend(post.time()).value().has_value();
    REQUIRE(sent < 1000);
  }
  CHECK(cut);
  CHECK(post.works());
}

TEST_CASE("an address whose owner broke ZMTP's rules once is connected to again") {
  Post post;
  RawSocket listener;
  const std::string address = listener.listen();
  core::Duration ahead{0};
  const auto say_for = [&](core::Duration duration) {  // by the transport's clock, in no time
    for (const core::Duration end = ahead + duration; ahead < end; ahead += 100ms) {
      post.transport->send(post.time() + ahead, address, test::bytes_of("hello"), nullptr);
    }
  };
  say_for(100ms);
  RawSocket first = listener.accept();
  core::Bytes other = test::greeting();
  std::memcpy(other.data() + 12, "PLAIN", 5);  // of another mechanism: ZeroMQ does not come back
  first.send(other);
  first.skip(1000);  // to its end
  pollfd comes{listener.fd(), POLLIN, 0};
  for (int tries = 0; tries < 100 && ::poll(&comes, 1, 100) == 0; ++tries) say_for(4s);
  RawSocket second = listener.accept();
  second.shake_hands("ROUTER");
  CHECK(second.ok());
}
