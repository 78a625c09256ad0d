#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "tests/apps/siege/ways.hpp"

namespace murmur::testing {
namespace {

using core::Bytes;
using test::bytes_of;
using test::curve_greeting;
using test::frame;
using test::RawSocket;

constexpr std::uint8_t kCommand = 4;
constexpr std::size_t kHelloSize = 200;  // of CurveZMQ

/// From any address of this machine: of one whose handshakes fail the kernel lets little through.
RawSocket call(Camp& camp, const Target& target) {
  RawSocket socket;
  socket.be_patient_for(300);
  socket.call_from(fmt::format("127.{}.{}.{}", 1 + camp.rng.below(250), camp.rng.below(250),
                               1 + camp.rng.below(250)));
  socket.connect(target.address);
  return socket;
}

Bytes random_bytes(core::Rng& rng, std::size_t size) {
  Bytes bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(rng.next());
  return bytes;
}

/// As one that knows no listening key would make it.
Bytes hello(core::Rng& rng) {
  Bytes body = random_bytes(rng, kHelloSize);
  std::memcpy(body.data(), "\5HELLO\1\0", 8);
  return frame(kCommand, body);
}

}  // namespace

const std::vector<Way>& ways_without_the_key() {
  static const std::vector<Way> all = {
      {"handshakes with another key", "handshakes",
       [](Camp& c, const Target& t) {
         constexpr std::uint64_t kHandshakes = 100;
         for (std::uint64_t i = 0; i < kHandshakes; ++i) {
           RawSocket socket = call(c, t);
           socket.send(curve_greeting());
           socket.send(hello(c.rng));
         }
         return kHandshakes;
       }},
      {"connections left idle", "connections",
       [](Camp& c, const Target& t) {
         constexpr std::uint64_t kConnections = 100;
         for (std::uint64_t i = 0; i < kConnections; ++i) {
           RawSocket socket = call(c, t);
           if (i % 2 == 0) socket.send(curve_greeting());
           c.hold(std::move(socket));
         }
         return kConnections;
       }},
      {"a HELLO of nearly a frame, left unfinished", "connections",
       [](Camp& c, const Target& t) {
         RawSocket socket = call(c, t);
         socket.send(curve_greeting());
         const std::size_t size = std::size_t{1} << 20;
         Bytes begun{std::byte{kCommand | 2}};
         for (int shift = 56; shift >= 0; shift -= 8) {
           begun.push_back(static_cast<std::byte>(size >> shift));
         }
         socket.send(begun);
         socket.send(Bytes(size - 1, std::byte{5}));
         c.hold(std::move(socket));
         return std::uint64_t{1};
       }},
      {"no CURVE", "messages",
       [](Camp& c, const Target& t) {
         constexpr std::uint64_t kMessages = 100;
         RawSocket socket = call(c, t);
         socket.send(test::greeting());
         socket.send(test::ready("DEALER"));
         for (std::uint64_t i = 0; i < kMessages; ++i) socket.send(frame(i % 2, bytes_of("x")));
         c.hold(std::move(socket));
         return kMessages;
       }},
      {"commands of CURVE at random", "commands",
       [](Camp& c, const Target& t) {
         constexpr std::array kNames{"\5HELLO", "\7WELCOME", "\10INITIATE", "\5READY",
                                     "\5ERROR", "\7MESSAGE", "\4PING"};
         RawSocket socket = call(c, t);
         socket.send(curve_greeting());
         Bytes body = random_bytes(c.rng, 16 + c.rng.below(400));
         const char* const name = kNames[c.rng.below(kNames.size())];
         std::memcpy(body.data(), name, std::strlen(name));
         socket.send(frame(c.rng.below(2) == 0 ? kCommand : 0, body));
         c.hold(std::move(socket));
         return std::uint64_t{1};
       }},
      {"a reset within the handshake", "connections",
       [](Camp& c, const Target& t) {
         Bytes all = curve_greeting();
         const Bytes next = hello(c.rng);
         all.insert(all.end(), next.begin(), next.end());
         RawSocket socket = call(c, t);
         socket.send(core::ByteView(all).first(c.rng.below(all.size() + 1)));
         if (c.rng.below(2) == 0) socket.skip(10);
         socket.reset();
         return std::uint64_t{1};
       }},
      {"bytes at random", "connections",
       [](Camp& c, const Target& t) {
         RawSocket socket = call(c, t);
         socket.send(random_bytes(c.rng, 1 + c.rng.below(4096)));
         c.hold(std::move(socket));
         return std::uint64_t{1};
       }},
  };
  return all;
}

}  // namespace murmur::testing
