#include "tests/apps/siege/ways.hpp"

#include <array>
#include <functional>

#include "gossip/wire.hpp"

namespace murmur::testing {
namespace {

using core::Bytes;
using test::bytes_of;
using test::frame;
using test::RawSocket;

constexpr int kPatienceMs = 300;
constexpr std::uint8_t kMore = 1;
constexpr std::uint8_t kLong = 2;
constexpr std::uint8_t kCommand = 4;

void add(Bytes& to, core::ByteView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

RawSocket call(const Target& target) {
  RawSocket socket;
  socket.be_patient_for(kPatienceMs);
  socket.connect(target.address);
  return socket;
}
RawSocket call_as(const char* socket_type, const Target& target) {
  RawSocket socket = call(target);
  socket.shake_hands(socket_type);
  return socket;
}

Bytes random_bytes(core::Rng& rng, std::size_t size) {
  Bytes bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(rng.next());
  return bytes;
}

/// A heartbeat whose lifetime is as long as one can be: 6553.5 s.
Bytes long_ping() { return frame(kCommand, bytes_of("\4PING\xff\xffhello")); }

/// The nine bytes with which a frame of so many begins.
Bytes long_head(std::uint8_t flags, std::uint64_t size) {
  Bytes bytes{std::byte{flags} | std::byte{kLong}};
  for (int shift = 56; shift >= 0; shift -= 8)
    bytes.push_back(static_cast<std::byte>(size >> shift));
  return bytes;
}

/// Many messages that mean nothing, every tenth followed by a heartbeat if wanted.
Bytes flood(std::size_t messages, bool beats) {
  Bytes bytes;
  for (std::size_t i = 0; i < messages; ++i) {
    add(bytes, frame(0, bytes_of("x")));
    if (beats && i % 10 == 9) add(bytes, long_ping());
  }
  return bytes;
}

/// Sends the first `size` bytes of what an honest connection begins with, and resets it.
std::uint64_t reset_after(const Target& target, std::size_t size, std::size_t wait_for) {
  Bytes all = test::greeting();
  add(all, test::ready("DEALER"));
  add(all, frame(kMore, bytes_of("head")));
  add(all, frame(0, bytes_of("payload")));
  RawSocket socket = call(target);
  socket.send(core::ByteView(all).first(std::min(size, all.size())));
  socket.skip(wait_for);
  socket.reset();
  return 1;
}

// ---- murmur's own messages -------------------------------------------------------------------

core::PeerId stranger(core::Rng& rng) { return {rng.next(), rng.next() | 1}; }

Bytes message(core::Rng& rng, std::uint64_t schema, const gossip::wire::Body& body) {
  gossip::wire::Header header;
  header.phase = gossip::Phase::kTraining;
  header.schema = schema;
  header.src = stranger(rng);
  header.src_boot = 1;
  header.step = rng.below(1'000'000);
  return frame(0, gossip::wire::encode(header, body, {}));
}

gossip::wire::Hello hello_from(const std::string& address, const std::string& model) {
  gossip::wire::Hello hello;
  hello.wants_reply = true;
  hello.nonce = 1;
  hello.address = address;
  hello.model = model;
  return hello;
}

std::uint64_t many(const Target& target, const std::function<Bytes()>& make, std::uint64_t count) {
  RawSocket socket = call_as("DEALER", target);
  Bytes all;
  for (std::uint64_t i = 0; i < count; ++i) add(all, make());
  socket.send(all);
  socket.reset();
  return count;
}

/// A connection that the peer opens, since it has an answer for us.
RawSocket called_back(Camp& camp, const Target& target) {
  RawSocket listener;
  listener.be_patient_for(kPatienceMs);
  const std::string address = listener.listen();
  RawSocket caller = call_as("DEALER", target);
  caller.send(message(camp.rng, ~target.schema, hello_from(address, "another")));
  RawSocket back = listener.accept();
  back.be_patient_for(kPatienceMs);
  camp.hold(std::move(caller));
  return back;
}

}  // namespace

const std::vector<Way>& ways() {
  static const std::vector<Way> all = {
      // ---- resets ----
      {"reset before the greeting", "connections",
       [](Camp&, const Target& t) { return reset_after(t, 0, 0); }},
      {"reset within the greeting", "connections",
       [](Camp& c, const Target& t) { return reset_after(t, 1 + c.rng.below(63), 0); }},
      {"reset after the greeting", "connections",
       [](Camp&, const Target& t) { return reset_after(t, 64, 64); }},
      {"reset within READY", "connections",
       [](Camp& c, const Target& t) { return reset_after(t, 65 + c.rng.below(24), 64); }},
      {"reset after READY", "connections",
       [](Camp&, const Target& t) {
         call_as("DEALER", t).reset();
         return std::uint64_t{1};
       }},
      {"reset within a message", "connections",
       [](Camp& c, const Target& t) { return reset_after(t, 92 + c.rng.below(13), 66); }},
      {"reset behind unread messages", "messages",
       [](Camp&, const Target& t) {
         constexpr std::uint64_t kMessages = 5000;
         RawSocket socket = call_as("DEALER", t);
         socket.send(flood(kMessages, false));
         socket.reset();
         return kMessages;
       }},
      {"reset behind heartbeats and messages", "messages",
       [](Camp&, const Target& t) {
         constexpr std::uint64_t kMessages = 5000;
         RawSocket socket = call_as("DEALER", t);
         socket.send(flood(kMessages, true));
         socket.reset();
         return kMessages;
       }},
      // ---- heartbeats ----
      {"heartbeats of a long lifetime, left open", "heartbeats",
       [](Camp& c, const Target& t) {
         constexpr std::uint64_t kBeats = 500;
         RawSocket socket = call_as("DEALER", t);
         Bytes beats;
         for (std::uint64_t i = 0; i < kBeats; ++i) add(beats, long_ping());
         socket.send(beats);
         c.hold(std::move(socket));
         return kBeats;
       }},
      {"heartbeats behind unread messages, left open", "messages",
       [](Camp& c, const Target& t) {
         constexpr std::uint64_t kMessages = 5000;
         RawSocket socket = call_as("DEALER", t);
         socket.send(flood(kMessages, true));
         c.hold(std::move(socket));
         return kMessages;
       }},
      // ---- frames that are too much ----
      {"a frame without end", "MiB",
       [](Camp&, const Target& t) {
         RawSocket socket = call_as("DEALER", t);
         socket.send(long_head(0, std::uint64_t{1} << 62));
         const Bytes piece(std::size_t{1} << 20, std::byte{1});
         std::uint64_t sent = 0;
         while (sent < 64 && socket.ok()) {
           socket.send(piece);
           sent += socket.ok() ? 1 : 0;
         }
         return sent;
       }},
      {"a message of frames without end", "MiB",
       [](Camp& c, const Target& t) {
         RawSocket socket = call_as("DEALER", t);
         Bytes piece;
         while (piece.size() < (std::size_t{1} << 20)) {
           add(piece, frame(kMore, Bytes(piece.size() % 2000, std::byte{0})));
         }
         std::uint64_t sent = 0;
         while (sent < 32 && socket.ok()) {
           socket.send(piece);
           sent += socket.ok() ? 1 : 0;
         }
         c.hold(std::move(socket));
         return sent;
       }},
      {"frames of absurd lengths", "frames",
       [](Camp&, const Target& t) {
         std::uint64_t sent = 0;
         for (const std::uint64_t size : {~std::uint64_t{0}, std::uint64_t{1} << 63,
                                          std::uint64_t{1} << 31, std::uint64_t{1} << 20}) {
           for (const std::uint8_t flags : {std::uint8_t{0}, kMore, kCommand}) {
             RawSocket socket = call_as("DEALER", t);
             socket.send(long_head(flags, size));
             socket.reset();
             ++sent;
           }
         }
         return sent;
       }},
      {"a READY without end", "connections",
       [](Camp& c, const Target& t) {
         RawSocket socket = call(t);
         socket.send(test::greeting());
         socket.send(long_head(kCommand, std::uint64_t{1} << 40));
         socket.send(bytes_of("\5READY"));
         socket.send(Bytes(std::size_t{1} << 18, std::byte{7}));
         c.hold(std::move(socket));
         return std::uint64_t{1};
       }},
      // ---- another protocol ----
      {"another mechanism", "connections",
       [](Camp& c, const Target& t) {
         constexpr std::array kNames{"PLAIN", "CURVE", "GSSAPI", "", "NONE"};
         const Bytes hello = test::greeting(kNames[c.rng.below(kNames.size())]);
         RawSocket socket = call(t);
         socket.send(hello);
         socket.send(frame(kCommand, bytes_of("\5HELLO\3you\3me!")));
         c.hold(std::move(socket));
         return std::uint64_t{1};
       }},
      {"another socket type", "connections",
       [](Camp& c, const Target& t) {
         constexpr std::array kNames{"PUB", "SUB", "REQ", "REP", "PAIR", "PUSH", "STREAM", "", "X"};
         RawSocket socket = call(t);
         socket.send(test::greeting());
         socket.send(test::ready(kNames[c.rng.below(kNames.size())]));
         socket.send(flood(10, true));
         c.hold(std::move(socket));
         return std::uint64_t{1};
       }},
      {"another version of ZMTP", "connections",
       [](Camp& c, const Target& t) {
         Bytes hello = test::greeting();
         hello[10] = static_cast<std::byte>(c.rng.below(10));
         hello[11] = static_cast<std::byte>(c.rng.below(10));
         RawSocket socket = call(t);
         if (c.rng.below(3) == 0)
           hello = bytes_of(std::string("\1\0\3abc\4\0xyz", 11));  // ZMTP 1.0
         socket.send(hello);
         socket.send(flood(10, true));
         c.hold(std::move(socket));
         return std::uint64_t{1};
       }},
      {"ZMTP 1 and 2", "connections",
       [](Camp& c, const Target& t) {
         const auto hellos = test::old_greetings();
         RawSocket socket = call(t);
         socket.send(hellos[c.rng.below(hellos.size())]);
         c.hold(std::move(socket));
         return std::uint64_t{1};
       }},
      {"subscriptions", "messages",
       [](Camp& c, const Target& t) {
         constexpr std::uint64_t kMessages = 2000;
         RawSocket socket = call_as(c.rng.below(2) == 0 ? "DEALER" : "SUB", t);
         Bytes all;
         for (std::uint64_t i = 0; i < kMessages / 2; ++i) {
           add(all, frame(0, bytes_of("\1topic")));
           add(all, frame(kCommand, bytes_of("\11SUBSCRIBEtopic")));
         }
         socket.send(all);
         c.hold(std::move(socket));
         return kMessages;
       }},
      {"bytes at random", "connections",
       [](Camp& c, const Target& t) {
         RawSocket socket = call(t);
         socket.send(random_bytes(c.rng, 1 + c.rng.below(4096)));
         c.hold(std::move(socket));
         return std::uint64_t{1};
       }},
      {"messages at random", "messages",
       [](Camp& c, const Target& t) {
         return many(
             t, [&] { return frame(0, random_bytes(c.rng, c.rng.below(500))); }, 1000);
       }},
      // ---- murmur's ----
      {"Hellos of another model", "messages",
       [](Camp& c, const Target& t) {
         const auto hello = hello_from("127.0.0.1:1", "mlp:1-1");
         return many(
             t, [&] { return message(c.rng, c.rng.next(), hello); }, 1000);
       }},
      {"Hellos of strangers that do not resume", "messages",
       [](Camp& c, const Target& t) {
         const auto one = [&] {
           auto hello = hello_from("127.0.0.1:" + std::to_string(1 + c.rng.below(65535)), t.model);
           for (std::size_t i = 0; i < gossip::wire::kMembersMax; ++i) {
             hello.members.push_back(
                 {stranger(c.rng), "127.0.0.1:" + std::to_string(1 + c.rng.below(65535))});
           }
           return message(c.rng, t.schema, hello);
         };
         return many(t, one, 200);
       }},
      {"refusals by strangers", "messages",
       [](Camp& c, const Target& t) {
         const auto one = [&] {
           const auto echo = static_cast<std::uint32_t>(c.rng.below(4));
           return message(c.rng, t.schema,
                          gossip::wire::Refuse{echo, 0, std::string(c.rng.below(200), 'n')});
         };
         return many(t, one, 1000);
       }},
      // ---- connections ----
      {"connections opened and closed", "connections",
       [](Camp&, const Target& t) {
         constexpr std::uint64_t kConnections = 100;
         for (std::uint64_t i = 0; i < kConnections; ++i) {
           RawSocket socket = call(t);
           if (i % 2 == 0) socket.reset();
         }
         return kConnections;
       }},
      {"connections left open, a byte now and then", "bytes",
       [](Camp& c, const Target& t) {
         constexpr std::uint64_t kConnections = 20;
         std::vector<RawSocket> slow;
         for (std::uint64_t i = 0; i < kConnections; ++i) slow.push_back(call(t));
         const Bytes hello = test::greeting();
         constexpr std::size_t kBytes = 5;
         for (std::size_t at = 0; at < kBytes; ++at) {
           for (RawSocket& socket : slow) socket.send(core::ByteView(hello).subspan(at, 1));
           ::usleep(10'000);
         }
         for (RawSocket& socket : slow) c.hold(std::move(socket));
         return kConnections * kBytes;
       }},
      {"sockets that are half closed", "connections",
       [](Camp& c, const Target& t) {
         RawSocket socket = call(t);
         if (c.rng.below(3) > 0) socket.shake_hands("DEALER");
         if (c.rng.below(2) == 0) socket.send(frame(kMore, bytes_of("half")));
         ::shutdown(socket.fd(), c.rng.below(4) == 0 ? SHUT_RD : SHUT_WR);
         c.hold(std::move(socket));
         return std::uint64_t{1};
       }},
      // ---- on the connections that the peer opened ----
      {"back: messages and heartbeats", "connections",
       [](Camp& c, const Target& t) {
         RawSocket back = called_back(c, t);
         back.shake_hands("ROUTER");
         back.send(flood(5, true));
         c.hold(std::move(back));
         return std::uint64_t{1};
       }},
      {"back: a reset behind unread messages", "connections",
       [](Camp& c, const Target& t) {
         RawSocket back = called_back(c, t);
         back.shake_hands("ROUTER");
         back.send(flood(2000, true));
         back.reset();
         return std::uint64_t{1};
       }},
      {"back: bytes at random", "connections",
       [](Camp& c, const Target& t) {
         RawSocket back = called_back(c, t);
         back.send(random_bytes(c.rng, 1 + c.rng.below(4096)));
         c.hold(std::move(back));
         return std::uint64_t{1};
       }},
      {"back: a frame without end", "connections",
       [](Camp& c, const Target& t) {
         RawSocket back = called_back(c, t);
         back.shake_hands("ROUTER");
         back.send(long_head(c.rng.below(2) == 0 ? kMore : kCommand, std::uint64_t{1} << 62));
         back.send(Bytes(std::size_t{1} << 20, std::byte{1}));
         c.hold(std::move(back));
         return std::uint64_t{1};
       }},
      {"back: a reset within the handshake", "connections",
       [](Camp& c, const Target& t) {
         RawSocket back = called_back(c, t);
         Bytes all = test::greeting();
         add(all, test::ready("ROUTER"));
         back.send(core::ByteView(all).first(c.rng.below(all.size() + 1)));
         back.reset();
         return std::uint64_t{1};
       }},
  };
  return all;
}

}  // namespace murmur::testing
