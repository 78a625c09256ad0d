// A client of CurveZMQ (RFC 26) byte by byte, for what libzmq's own client does not do: stop within
// the handshake, or send a message that never ends.
#pragma once

#include <sodium.h>

#include <array>
#include <cstring>
#include <string_view>

#include "core/keys.hpp"
#include "tests/net/raw_zmtp.hpp"

namespace murmur::test {

class RawCurve {
 public:
  /// `socket` is connected, and `self` its key pair.
  RawCurve(RawSocket socket, const core::PublicKey& server, const core::KeyPair& self)
      : socket_(std::move(socket)), server_(server.bytes), self_(self) {
    crypto_box_keypair(mine_.shown.bytes.data(), mine_.secret.bytes.data());
  }

  /// Both sides' greetings, and HELLO. What comes next is the other's WELCOME.
  void say_hello() {
    socket_.send(curve_greeting());
    core::Bytes hello = start("\5HELLO\1", 6 + 2 + 72);
    put(hello, mine_.shown.bytes);
    put_number(hello);
    put(hello, box("CurveZMQHELLO---", core::Bytes(64), server_, mine_.secret.bytes));
    socket_.send(frame(4, hello));
  }

  /// The whole handshake; false if the other side does not take part.
  bool shake_hands() {
    say_hello();
    socket_.skip(64);  // its greeting
    const core::Bytes welcome = socket_.read(2 + 8 + 16 + 144);
    if (!socket_.ok()) return false;
    core::Bytes cookie(128);
    core::Bytes nonce = bytes_of("WELCOME-");
    nonce.insert(nonce.end(), welcome.begin() + 10, welcome.begin() + 26);
    if (crypto_box_open_easy(raw(cookie), raw(welcome) + 26, 144, raw(nonce), server_.data(),
                             mine_.secret.bytes.data()) != 0) {
      return false;
    }
    std::memcpy(theirs_.data(), cookie.data(), theirs_.size());
    // That the holder of our lasting key made the one of this connection.
    core::Bytes vouch = start("VOUCH---", 8);
    put(vouch, std::array<std::uint8_t, 16>{});
    core::Bytes vouched;
    put(vouched, mine_.shown.bytes);
    put(vouched, server_);
    const core::Bytes boxed = seal(vouch, vouched, theirs_, self_.secret.bytes);
    core::Bytes inner;
    put(inner, self_.shown.bytes);
    inner.insert(inner.end(), vouch.begin() + 8, vouch.end());
    inner.insert(inner.end(), boxed.begin(), boxed.end());
    const core::Bytes type = bytes_of(std::string_view("\13Socket-Type\0\0\0\6DEALER", 22));
    inner.insert(inner.end(), type.begin(), type.end());
    core::Bytes initiate = start("\10INITIATE", 9);
    initiate.insert(initiate.end(), cookie.begin() + 32, cookie.end());
    put_number(initiate);
    put(initiate, box("CurveZMQINITIATE", inner, theirs_, mine_.secret.bytes));
    socket_.send(frame(4, initiate));
    socket_.skip(1);  // the flags of its READY
    return socket_.ok();
  }

  /// One frame of a message.
  void send(core::ByteView data, bool more) { socket_.send(encrypted(data, more)); }
  core::Bytes encrypted(core::ByteView data, bool more) {
    core::Bytes inner{more ? std::byte{1} : std::byte{0}};
    inner.insert(inner.end(), data.begin(), data.end());
    core::Bytes message = start("\7MESSAGE", 8);
    put_number(message);
    put(message, box("CurveZMQMESSAGEC", inner, theirs_, mine_.secret.bytes));
    return frame(0, message);
  }
  RawSocket& socket() { return socket_; }

 private:
  static std::uint8_t* raw(core::Bytes& bytes) {
    return reinterpret_cast<std::uint8_t*>(bytes.data());
  }
  static const std::uint8_t* raw(const core::Bytes& bytes) {
    return reinterpret_cast<const std::uint8_t*>(bytes.data());
  }
  /// A command's name, filled up with zeros.
  static core::Bytes start(std::string_view name, std::size_t size) {
    core::Bytes bytes = bytes_of(name);
    bytes.resize(size);
    return bytes;
  }
  template <class Data>
  static void put(core::Bytes& to, const Data& data) {
    const auto* begin = reinterpret_cast<const std::byte*>(data.data());
    to.insert(to.end(), begin, begin + data.size());
  }
  void put_number(core::Bytes& to) {
    ++number_;
    for (int shift = 56; shift >= 0; shift -= 8) {
      to.push_back(static_cast<std::byte>(number_ >> shift));
    }
  }
  /// With the number that was put last.
  core::Bytes box(std::string_view prefix, const core::Bytes& data, const core::KeyBytes& to,
                  const core::KeyBytes& from) {
    core::Bytes nonce = bytes_of(prefix);
    --number_;
    put_number(nonce);
    return seal(nonce, data, to, from);
  }
  static core::Bytes seal(const core::Bytes& nonce, const core::Bytes& data,
                          const core::KeyBytes& to, const core::KeyBytes& from) {
    core::Bytes sealed(data.size() + crypto_box_MACBYTES);
    if (crypto_box_easy(raw(sealed), raw(data), data.size(), raw(nonce), to.data(), from.data()) !=
        0) {
      std::abort();
    }
    return sealed;
  }

  RawSocket socket_;
  core::KeyBytes server_;
  core::KeyPair self_;
  core::KeyPair mine_;  ///< of this connection
  core::KeyBytes theirs_{};
  std::uint64_t number_ = 0;
};

}  // namespace murmur::test
