#include "net/transport.hpp"

#include <chrono>
#include <memory>
#include <string>

#include "core/rng.hpp"
#include "net/wake_event.hpp"
#include "tests/catch.hpp"

using namespace murmur;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kPayloadMax = std::size_t{4} << 20;

core::Bytes random_bytes(std::size_t size, std::uint64_t seed) {
  core::Rng rng(seed);
  core::Bytes bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(rng.next());
  return bytes;
}

core::Payload share(core::Bytes bytes) {
  return std::make_shared<const core::Bytes>(std::move(bytes));
}

core::Instant later(core::Duration d) { return core::Instant(1h + d); }

struct Post {
  explicit Post(std::size_t payload_max = kPayloadMax)
      : transport(net::Transport::open({"127.0.0.1", 0}).value()) {
    transport->set_payload_max(payload_max);
  }
  gossip::Address address() const { return net::to_string(transport->bound()); }
  /// Nothing after 20 s without a message.
  std::optional<gossip::Received> receive() {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < give_up) {
      if (auto message = transport->receive()) return message;
      transport->wait(wake.fd(), 1000);
    }
    return std::nullopt;
  }
  net::WakeEvent wake;
  std::unique_ptr<net::Transport> transport;
};

/// A stranger's socket, which may send any frames.
struct Stranger {
  explicit Stranger(const gossip::Address& to) : socket(context, zmq::socket_type::dealer) {
    socket.set(zmq::sockopt::linger, 0);
    socket.connect("tcp://" + to);
  }
  void send(const std::vector<core::Bytes>& frames) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      socket.send(zmq::buffer(frames[i].data(), frames[i].size()),
                  i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }
  }
  zmq::context_t context;
  zmq::socket_t socket;
};

}  // namespace

TEST_CASE("a payload arrives as it was sent, whatever the number of pieces") {
  Post a;
  Post b;
  for (const std::size_t size :
       {std::size_t{1}, net::kPiece - 1, net::kPiece, net::kPiece + 1, std::size_t{3} << 20}) {
    INFO(size);
    const core::Bytes head = random_bytes(80, size);
    const core::Payload payload = share(random_bytes(size, size + 1));
    REQUIRE(a.transport->send(later(0s), b.address(), head, payload));
    const auto message = b.receive();
    REQUIRE(message.has_value());
    CHECK(message->head == head);
    REQUIRE(message->payload != nullptr);
    CHECK(*message->payload == *payload);
    CHECK(message->from_host == "127.0.0.1");
  }
}

TEST_CASE("a message without a payload has none when it arrives") {
  Post a;
  Post b;
  const core::Bytes head = random_bytes(80, 1);
  REQUIRE(a.transport->send(later(0s), b.address(), head, nullptr));
  const auto message = b.receive();
  REQUIRE(message.has_value());
  CHECK(message->head == head);
  CHECK(message->payload == nullptr);
}

TEST_CASE("a sent payload stays alive until it has left, and not longer") {
  Post a;
  Post b;
  core::Payload payload = share(random_bytes(std::size_t{2} << 20, 3));
  const std::weak_ptr<const core::Bytes> watched = payload;
  const core::Bytes expected = *payload;
  REQUIRE(a.transport->send(later(0s), b.address(), random_bytes(80, 1), payload));
  payload.reset();
  const auto message = b.receive();
  REQUIRE(message.has_value());
  CHECK(*message->payload == expected);
  a.transport.reset();  // ends ZeroMQ's thread, which may hold the last frame a moment longer
  CHECK(watched.expired());
}

TEST_CASE("what is sent before the other listens arrives when it does") {
  auto b = std::make_unique<Post>();
  const net::Endpoint place = b->transport->bound();
  b.reset();
  Post a;
  REQUIRE(a.transport->send(later(0s), net::to_string(place), random_bytes(80, 4), nullptr));
  net::WakeEvent wake;
  auto second = net::Transport::open(place).value();
  second->set_payload_max(kPayloadMax);
  std::optional<gossip::Received> message;
  for (int tries = 0; tries < 20 && !message; ++tries) {
    second->wait(wake.fd(), 1000);
    message = second->receive();
  }
  REQUIRE(message.has_value());
  CHECK(message->head == random_bytes(80, 4));
}

TEST_CASE("an unreachable peer takes a bounded number of messages and then none") {
  auto b = std::make_unique<Post>();
  const gossip::Address place = b->address();
  b.reset();
  Post a;
  int taken = 0;
  while (taken < 1000 && a.transport->send(later(0s), place, random_bytes(80, 5), nullptr)) ++taken;
  CHECK(taken == net::kSendQueue);
}

TEST_CASE("only numeric addresses with a port are sent to") {
  Post a;
  for (const char* to : {"localhost:7000", "127.0.0.1:0", "eth0;127.0.0.1:7", "", "127.0.0.1"}) {
    INFO(to);
    CHECK_FALSE(a.transport->send(later(0s), to, random_bytes(80, 6), nullptr));
  }
}

TEST_CASE("an unused connection is closed, and opened anew when it is needed") {
  Post a;
  Post b;
  for (const core::Duration at : {core::Duration(0s), core::Duration(1h)}) {
    REQUIRE(a.transport->send(later(at), b.address(), random_bytes(80, 7), nullptr));
    CHECK(b.receive().has_value());
    CHECK(a.transport->open_connections() == 1);
    REQUIRE(a.transport->tend(later(at + 10s)));
    CHECK(a.transport->open_connections() == 1);
    REQUIRE(a.transport->tend(later(at + 10min)));
    CHECK(a.transport->open_connections() == 0);
  }
}

TEST_CASE("past its limit the least recently used connection makes room") {
  Post a;
  for (std::size_t i = 0; i < net::kConnectionsMax + 10; ++i) {
    const auto port = static_cast<std::uint16_t>(20000 + i);
    REQUIRE(a.transport->send(later(std::chrono::milliseconds(i)),
                              net::to_string({"127.0.0.9", port}), random_bytes(80, 8), nullptr));
  }
  CHECK(a.transport->open_connections() == net::kConnectionsMax);
}

TEST_CASE("a message past the limits comes with a length that no header can match") {
  constexpr std::size_t kSmallMax = std::size_t{1} << 20;
  Post a(kSmallMax);
  Stranger stranger(a.address());
  const core::Bytes head = random_bytes(80, 9);

  stranger.send({head, random_bytes(kSmallMax, 1), random_bytes(kSmallMax, 2)});  // too long
  std::vector<core::Bytes> many(1000, random_bytes(1, 3));                        // too many frames
  many.front() = head;
  stranger.send(many);
  for (int i = 0; i < 2; ++i) {
    const auto message = a.receive();
    REQUIRE(message.has_value());
    CHECK(message->head == head);
    REQUIRE(message->payload != nullptr);
    CHECK(message->payload->size() == kSmallMax + 1);
  }
  stranger.send({head, random_bytes(kSmallMax, 1)});  // and one at the limit is whole
  const auto message = a.receive();
  REQUIRE(message.has_value());
  CHECK(*message->payload == random_bytes(kSmallMax, 1));
}

TEST_CASE("empty frames are a message like any other") {
  Post a;
  Stranger stranger(a.address());
  stranger.send({core::Bytes()});
  stranger.send({core::Bytes(), core::Bytes()});
  const auto bare = a.receive();
  REQUIRE(bare.has_value());
  CHECK(bare->head.empty());
  CHECK(bare->payload == nullptr);
  const auto framed = a.receive();
  REQUIRE(framed.has_value());
  REQUIRE(framed->payload != nullptr);
  CHECK(framed->payload->empty());
}

TEST_CASE("a frame past the limit of frames ends its connection and no other") {
  Post a;
  Post b;
  Stranger stranger(a.address());
  stranger.send({random_bytes(net::kFrameMax + 1, 1)});
  REQUIRE(b.transport->send(later(0s), a.address(), random_bytes(80, 10), nullptr));
  const auto message = a.receive();
  REQUIRE(message.has_value());
  CHECK(message->head == random_bytes(80, 10));
}

TEST_CASE("waiting ends when the wake event is signalled") {
  Post a;
  a.wake.signal();
  a.wake.signal();
  const auto before = std::chrono::steady_clock::now();
  a.transport->wait(a.wake.fd(), 20'000);
  CHECK(std::chrono::steady_clock::now() - before < 10s);
  a.wake.clear();
  a.transport->wait(a.wake.fd(),
                    1);  // and does not end at once any more: this returns by its limit
}

TEST_CASE("IPv6 works as IPv4 does") {
  auto opened = net::Transport::open({"::1", 0});
  if (!opened) {
    WARN("no IPv6 on this machine: " << opened.error().message);
    return;
  }
  (*opened)->set_payload_max(kPayloadMax);
  Post a;
  net::WakeEvent wake;
  const gossip::Address to = net::to_string((*opened)->bound());
  REQUIRE(a.transport->send(later(0s), to, random_bytes(80, 11), nullptr));
  (*opened)->wait(wake.fd(), 20'000);
  const auto message = (*opened)->receive();
  REQUIRE(message.has_value());
  CHECK(message->from_host == "::1");
}
