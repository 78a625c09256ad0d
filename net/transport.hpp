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
// that is past `payload_max` is cut short before it is joined; at most kSendQueue messages wait for
// each connection outwards, of which at most kConnectionsMax are held. What waits to be received
// has no limit of its own: a connection whose input ZeroMQ has stopped, and that then breaks,
// aborts the process when something is to be written to it (an assertion of libzmq 4.3.4 in
// out_event). So nothing ever stops an input, there are no ZMTP heartbeats, and tend() bounds the
// memory instead: past `memory_max` it drops every connection.
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
#include "net/memory_watch.hpp"

namespace murmur::net {

inline constexpr std::size_t kPiece = std::size_t{512} << 10;
inline constexpr std::size_t kFrameMax = std::size_t{1} << 20;
inline constexpr int kSendQueue = 128;
/// Fewer where the process may open few descriptors (net/room.hpp).
inline constexpr std::size_t kConnectionsMax = 288;
inline constexpr core::Duration kTendEvery = std::chrono::milliseconds(100);

class Transport {
 public:
  /// Binds `listen`, whose host is numeric; port 0 takes any free one. Error: the port is in use,
  /// or the address is not this machine's, or there is no room for sockets or threads.
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
  /// How much the process may grow from now on before tend() drops all connections, bytes.
  void set_memory_max(std::size_t bytes);
  /// To be called often; works at most every kTendEvery. Closes connections that were not sent on
  /// for kIdleMax, and those on which something came back, as no peer answers there; drops all when
  /// the process has grown past set_memory_max(). Peers come back by themselves. The words for a
  /// person if it dropped all. Error: it cannot listen any more.
  core::Result<std::optional<std::string>> tend(core::Instant now);
  /// Until a message is here, `fd` is readable, a signal came or `timeout_ms` has passed.
  void wait(int fd, long timeout_ms);
  [[nodiscard]] std::size_t open_connections() const { return connections_.size(); }

 private:
  struct Connection {
    zmq::socket_t socket;
    core::Instant used;
    std::optional<core::Instant> full_since;
  };

  Transport();
  /// Opens the context and the ROUTER. Throws zmq::error_t.
  void listen(const Endpoint& at);
  Connection* connection(core::Instant now, const gossip::Address& to);
  bool refused(core::Instant now, const gossip::Address& to, Connection& connection);
  bool receive_frame(zmq::message_t& frame);
  core::Payload join_pieces(bool cut);

  std::optional<zmq::context_t> context_;
  zmq::socket_t router_;
  Endpoint bound_;
  std::map<gossip::Address, Connection> connections_;  // closed before their context
  std::size_t connections_max_ = kConnectionsMax;
  core::BufferPool pool_;
  std::size_t payload_max_ = 0;
  std::size_t pieces_max_ = 0;
  std::optional<MemoryWatch> memory_;
  core::Instant next_tend_{};
  std::vector<zmq::message_t> pieces_;
};

}  // namespace murmur::net
