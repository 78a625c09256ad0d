// Transport: messages between peers over ZeroMQ. A peer binds one ROUTER, on which it receives, and
// opens one DEALER per address that it sends to; who sent a message is in its header, so the
// identities of sockets do not matter.
//
// A message is a head frame and, if there is a payload, its bytes cut into frames of kPiece: the
// kernel copies a piece out while the next is being copied in (10 MiB in one frame: 2.9 GB/s over
// loopback, in pieces 5.7).
//
// Thread rule: one thread owns it; only ZeroMQ's own I/O thread works beside it, and it may drop
// the last reference to a payload.
// Limits: a frame is at most kFrameMax (ZeroMQ drops the connection that sends more); a message
// that is past `payload_max` is cut short before it is joined; each connection has at most
// kReceiveQueue messages waiting here and kSendQueue there; at most kLinksMax connections are held
// outwards.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "gossip/effects.hpp"
#include "net/endpoint.hpp"

namespace murmur::net {

inline constexpr std::size_t kPiece = std::size_t{512} << 10;
inline constexpr std::size_t kFrameMax = std::size_t{1} << 20;
inline constexpr int kReceiveQueue = 64;
inline constexpr int kSendQueue = 128;
/// Each takes three file descriptors, and 1024 is the usual limit of a process.
inline constexpr std::size_t kLinksMax = 288;

class Transport {
 public:
  /// Binds `listen`, whose host is numeric; port 0 takes any free one. Error: the port is in use,
  /// or the address is not this machine's.
  static core::Result<std::unique_ptr<Transport>> open(const Endpoint& listen);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// As bound, with the real port.
  [[nodiscard]] const Endpoint& bound() const { return bound_; }
  /// Payloads past this are cut to one byte more, which no header can match. Before receive().
  void set_payload_max(std::size_t bytes);

  /// Hands a message on, without waiting for the connection: what is sent first is delivered when
  /// it is up. False: the address is not a numeric one, or its queue is full.
  bool send(core::Instant now, const gossip::Address& to, const core::Bytes& head,
            const core::Payload& payload);
  /// The next message, or nothing if none is here.
  std::optional<gossip::Received> receive();
  /// Until a message is here, `fd` is readable, a signal came or `timeout_ms` has passed.
  void wait(int fd, long timeout_ms);
  /// Closes connections that were not sent on for kIdleMax.
  void close_idle(core::Instant now);
  [[nodiscard]] std::size_t open_links() const { return links_.size(); }

 private:
  struct Link {
    zmq::socket_t socket;
    core::Instant used;
  };

  Transport();
  Link* link(core::Instant now, const gossip::Address& to);
  bool receive_frame(zmq::message_t& frame);
  core::Payload join_pieces(bool cut);

  zmq::context_t context_;
  zmq::socket_t router_;
  Endpoint bound_;
  std::map<gossip::Address, Link> links_;
  core::BufferPool pool_;
  std::size_t payload_max_ = 0;
  std::size_t pieces_max_ = 0;
  std::vector<zmq::message_t> pieces_;
};

}  // namespace murmur::net
