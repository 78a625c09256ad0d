// A client that speaks ZMTP 3 byte by byte over plain sockets, so that it may stop, lie or reset
// wherever it likes. Everything it waits for ends after a while: then ok() is false.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/bytes.hpp"
#include "net/endpoint.hpp"

namespace murmur::test {

inline core::Bytes bytes_of(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

/// The 64 bytes with which either side begins (ZMTP 3.0).
inline core::Bytes greeting(std::string_view mechanism = "NULL") {
  core::Bytes bytes(64, std::byte{0});
  bytes[0] = std::byte{0xff};
  bytes[9] = std::byte{0x7f};
  bytes[10] = std::byte{3};
  std::memcpy(bytes.data() + 12, mechanism.data(), mechanism.size());
  return bytes;
}

inline core::Bytes curve_greeting() { return greeting("CURVE"); }

/// What clients of ZMTP 1 begin with (without a number, then with it) and of ZMTP 2: each with a
/// name and a message behind.
inline std::array<core::Bytes, 3> old_greetings() {
  using namespace std::string_view_literals;
  return {bytes_of("\4\0abc\2\0x"sv), bytes_of("\xff\0\0\0\0\0\0\0\4\x7f\0abc\2\0x"sv),
          bytes_of("\xff\0\0\0\0\0\0\0\4\x7f\1\5\0\3abc\0\1x"sv)};
}

/// One short frame. Flags: 1 more follow, 4 a command.
inline core::Bytes frame(std::uint8_t flags, core::ByteView body) {
  core::Bytes bytes;
  if (body.size() < 256) {
    bytes = {std::byte{flags}, static_cast<std::byte>(body.size())};
  } else {
    bytes.push_back(std::byte{flags} | std::byte{2});
    for (int shift = 56; shift >= 0; shift -= 8)
      bytes.push_back(static_cast<std::byte>(body.size() >> shift));
  }
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

inline core::Bytes ready(std::string_view socket_type) {
  std::string body("\5READY\13Socket-Type", 18);
  body += std::string("\0\0\0", 3) + static_cast<char>(socket_type.size());
  body += socket_type;
  return frame(4, bytes_of(body));
}

/// A heartbeat that asks for an answer: a lifetime in tenths of a second, and a context.
inline core::Bytes ping() { return frame(4, bytes_of(std::string("\4PING\0\0hello", 12))); }

class RawSocket {
 public:
  RawSocket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  explicit RawSocket(int fd) : fd_(fd) {}
  explicit RawSocket(const std::string& address) : RawSocket() { connect(address); }
  RawSocket(RawSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), ok_(other.ok_), patience_ms_(other.patience_ms_) {}
  RawSocket& operator=(RawSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    ok_ = other.ok_;
    patience_ms_ = other.patience_ms_;
    return *this;
  }
  ~RawSocket() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] int fd() const { return fd_; }
  /// How long whatever it waits for may take, sending too.
  void be_patient_for(int milliseconds) {
    patience_ms_ = milliseconds;
    const timeval limit{milliseconds / 1000, milliseconds % 1000 * 1000};
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }

  /// To come from that address of this machine: 127.0.0.0/8 is all its own.
  void call_from(const std::string& host) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    inet_pton(AF_INET, host.c_str(), &from.sin_addr);
    ok_ = ok_ && ::bind(fd_, reinterpret_cast<sockaddr*>(&from), sizeof from) == 0;
  }
  void connect(const std::string& address) {
    const auto endpoint = net::parse_endpoint(address).value();
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(endpoint.port);
    inet_pton(AF_INET, endpoint.host.c_str(), &to.sin_addr);
    ok_ = ok_ && ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  /// Listens on loopback; the address.
  std::string listen() {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    ok_ = ok_ && ::bind(fd_, reinterpret_cast<sockaddr*>(&at), size) == 0 &&
          ::listen(fd_, 64) == 0 &&
          ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size) == 0;
    return "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
  }
  RawSocket accept() {
    RawSocket accepted(readable() ? ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC) : -1);
    accepted.ok_ = accepted.fd_ >= 0;
    return accepted;
  }

  void send(core::ByteView bytes) {
    while (ok_ && !bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) {
        ok_ = false;
        return;
      }
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }
  /// Exactly so many bytes.
  core::Bytes read(std::size_t size) {
    core::Bytes bytes(size);
    for (std::size_t at = 0; ok_ && at < size;) {
      const ssize_t n = readable() ? ::recv(fd_, bytes.data() + at, size - at, 0) : -1;
      ok_ = n > 0;
      at += ok_ ? static_cast<std::size_t>(n) : 0;
    }
    return bytes;
  }
  void skip(std::size_t size) { read(size); }
  /// Both sides' greetings and READYs.
  void shake_hands(std::string_view socket_type) {
    send(greeting());
    skip(64);
    send(ready(socket_type));
    skip(1);  // the flags of the other's READY: it has taken ours, or is about to
  }
  /// What is here by now; nothing too once the other side has closed.
  core::Bytes read_some() {
    core::Bytes bytes(std::size_t{1} << 16);
    const ssize_t n = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
  }
  /// Reads and drops until the other side has closed; false if it has not after all patience.
  bool is_closed() {
    std::array<std::byte, 4096> buffer;
    while (readable()) {
      if (::recv(fd_, buffer.data(), buffer.size(), 0) <= 0) return true;
    }
    return false;
  }
  /// Closes with a reset instead of a goodbye.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(std::exchange(fd_, -1));
    ok_ = false;
  }

 private:
  [[nodiscard]] bool readable() const {
    pollfd item{fd_, POLLIN, 0};
    return fd_ >= 0 && ::poll(&item, 1, patience_ms_) == 1;
  }
  int fd_;
  bool ok_ = true;
  int patience_ms_ = 10'000;
};

}  // namespace murmur::test
