#include "net/transport.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "core/check.hpp"
#include "net/room.hpp"

namespace murmur::net {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kIdleMax = 60s;
/// A queue that was full for so long is of a neighbour that is gone, or of a connection that ZeroMQ
/// has given up for good, as it does when the other side breaks ZMTP's rules: it is made anew.
constexpr core::Duration kFullMax = 3s;
/// How long a goodbye may take to leave when the sockets are closed.
constexpr int kGoodbyeMs = 100;
constexpr int kHandshakeMs = 3000;
/// Bytes; a ZMTP READY takes some 50.
constexpr int kCommandMax = 256;
/// Else the kernel decides when a network that was cut is tried again: with doubled waits, after a
/// cut of 30 s some 10 s late. So a connection being made, and one whose bytes nobody acknowledges,
/// are given up early and made anew.
constexpr int kConnectMs = 1500;
constexpr int kUnacknowledgedMs = 5000;
/// Seconds; a connection inwards whose other side is gone without a word is closed after about
/// kAliveIdle + kAliveTries * kAliveEvery.
constexpr int kAliveIdle = 10;
constexpr int kAliveEvery = 5;
constexpr int kAliveTries = 3;
/// Connections that wait to be accepted: past it the kernel drops the first packet of one, and it
/// is tried again after a second. (ZeroMQ's own is 100, which a few strangers fill.)
constexpr int kBacklog = 1024;
/// Peers often start together, and the first attempt then finds nobody listening yet.
constexpr int kReconnectMs = 25;
constexpr int kReconnectMaxMs = 1000;

/// ZMQ_ZAP_ENFORCE_DOMAIN: without the gate nobody gets in, instead of everybody. libzmq 4.3 has
/// it, though its header shows it to those alone who ask for what is not settled yet.
constexpr int kZapEnforceDomain = 93;

constexpr int kHandshakeFailed = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

void set_key(zmq::socket_t& socket, int option, const core::KeyBytes& key) {
  if (zmq_setsockopt(socket.handle(), option, key.data(), key.size()) != 0) throw zmq::error_t();
}

void set_common(zmq::socket_t& socket, const Endpoint& endpoint) {
  socket.set(zmq::sockopt::ipv6, is_ipv6(endpoint) ? 1 : 0);
  socket.set(zmq::sockopt::handshake_ivl, kHandshakeMs);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::rcvhwm, 0);
  // Without keys nobody answers for the domain and nothing asks: but a socket that has one closes
  // connections of ZMTP 1 and 2, whose first frame ends the process when the socket is just being
  // closed.
  socket.set(zmq::sockopt::zap_domain, kZapDomain);
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::tcp_keepalive_idle, kAliveIdle);
  socket.set(zmq::sockopt::tcp_keepalive_intvl, kAliveEvery);
  socket.set(zmq::sockopt::tcp_keepalive_cnt, kAliveTries);
  socket.set(zmq::sockopt::tcp_maxrt, kUnacknowledgedMs);
}

/// False if the queue is full. ZeroMQ fails so only at the first frame of a message.
bool send_frame(zmq::socket_t& socket, zmq::message_t& frame, bool more) {
  for (;;) {
    if (zmq_msg_send(frame.handle(), socket.handle(), ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >=
        0) {
      return true;
    }
    if (errno != EINTR) return false;
  }
}

/// A frame that is a part of `payload`, which it keeps alive until it has left.
zmq::message_t piece_of(const core::Payload& payload, std::size_t begin, std::size_t size) {
  auto* keep = new core::Payload(payload);
  auto* data = const_cast<std::byte*>(payload->data() + begin);  // ZeroMQ only reads what is sent
  return {data, size, [](void*, void* hint) { delete static_cast<core::Payload*>(hint); }, keep};
}

}  // namespace

Transport::Transport() = default;

void Transport::listen(const Endpoint& at) {
  context_.emplace(1);
  if (!door_.keys.empty()) gate_.emplace(*context_, door_.keys);  // before anything can ask it
  router_ = zmq::socket_t(*context_, zmq::socket_type::router);
  set_common(router_, at);
  router_.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kFrameMax));
  router_.set(zmq::sockopt::backlog, kBacklog);
  if (gate_) {
    router_.set(zmq::sockopt::curve_server, true);
    set_key(router_, ZMQ_CURVE_SECRETKEY, listening_.front().secret.bytes);
    const int on = 1;
    if (zmq_setsockopt(router_.handle(), kZapEnforceDomain, &on, sizeof on) != 0) {
      throw zmq::error_t();
    }
    router_monitor_ = std::make_unique<Monitor>(
        *context_, router_,
        ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | kHandshakeFailed);
    strangers_ = {};
    turnstile_ = {};
  }
  router_.bind("tcp://" + to_string(at));
  const std::string bound = router_.get(zmq::sockopt::last_endpoint);
  bound_ = parse_endpoint(bound.substr(std::strlen("tcp://"))).value();
}

/// All sockets, and what ZeroMQ holds for them.
void Transport::drop_all() {
  drop_if([](const Connection&) { return true; });
  router_monitor_.reset();
  router_.close();
  gate_.reset();
  context_.reset();  // waits until they are closed
}

core::Result<std::unique_ptr<Transport>> Transport::open(const Endpoint& listen, Door door) {
  const core::Result<std::size_t> room =
      room_for_connections(kConnectionsMax, /*watched=*/!door.keys.empty());
  if (!room) {
    return core::fail(
        fmt::format("cannot listen on {}: {}", to_string(listen), room.error().message));
  }
  std::unique_ptr<Transport> transport;
  try {
    transport.reset(new Transport);
    transport->connections_max_ = *room;
    transport->door_ = std::move(door);
    for (const core::SwarmKey& key : transport->door_.keys) {
      transport->listening_.push_back(core::listening_keys(key));
    }
    transport->listen(listen);
  } catch (const zmq::error_t& error) {
    return core::fail(fmt::format("cannot listen on {}: {}", to_string(listen), error.what()));
  }
  return transport;
}

Transport::~Transport() {
  for (auto& [address, connection] : connections_) {
    zmq_setsockopt(connection.socket.handle(), ZMQ_LINGER, &kGoodbyeMs, sizeof kGoodbyeMs);
  }
}

void Transport::set_payload_max(std::size_t bytes) {
  payload_max_ = bytes;
  pieces_max_ = bytes / kPiece + 2;
}

Transport::Connection* Transport::connection(core::Instant now, const gossip::Address& to) {
  if (const auto found = connections_.find(to); found != connections_.end()) {
    found->second.used = now;
    return &found->second;
  }
  const core::Result<Endpoint> endpoint = parse_endpoint(to);
  // Looking a name up would block; and addresses that others tell us come from anywhere.
  if (!endpoint || !is_numeric(*endpoint) || endpoint->port == 0) return nullptr;
  if (connections_.size() >= connections_max_) {
    drop(std::min_element(
        connections_.begin(), connections_.end(),
        [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
  }
  const auto tried = tried_.find(to);
  Connection& made = connections_[to];
  made.socket = dealer(*endpoint, tried == tried_.end() ? 0 : tried->second.key);
  made.used = now;
  if (gate_) {
    made.monitor = std::make_unique<Monitor>(
        *context_, made.socket,
        kHandshakeFailed | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
  }
  made.socket.connect("tcp://" + to_string(*endpoint));
  return &made;
}

/// A socket for sending to `to`, not connected yet.
zmq::socket_t Transport::dealer(const Endpoint& to, std::size_t key) {
  zmq::socket_t socket(*context_, zmq::socket_type::dealer);
  set_common(socket, to);
  socket.set(zmq::sockopt::connect_timeout, kConnectMs);
  socket.set(zmq::sockopt::sndhwm, kSendQueue);
  socket.set(zmq::sockopt::reconnect_ivl, kReconnectMs);
  socket.set(zmq::sockopt::reconnect_ivl_max, kReconnectMaxMs);
  // Only ZeroMQ's own commands come back on it.
  socket.set(zmq::sockopt::maxmsgsize, std::int64_t{kCommandMax});
  if (gate_) {
    CHECK_INVARIANT(self_.has_value());
    set_key(socket, ZMQ_CURVE_SERVERKEY, listening_[key].shown.bytes);
    set_key(socket, ZMQ_CURVE_PUBLICKEY, self_->shown.bytes);
    set_key(socket, ZMQ_CURVE_SECRETKEY, self_->secret.bytes);
  }
  return socket;
}

/// The one after it.
Transport::Connections::iterator Transport::drop(Connections::iterator at) {
  if (at == connections_.end()) return at;
  if (gate_) disconnected_.push_back(at->first);
  return connections_.erase(at);
}

/// The queue of `connection` is full.
bool Transport::refused(core::Instant now, const gossip::Address& to, Connection& connection) {
  if (!connection.full_since) connection.full_since = now;
  if (now - *connection.full_since > kFullMax) drop(connections_.find(to));
  return false;
}

bool Transport::send(core::Instant now, const gossip::Address& to, const core::Bytes& head,
                     const core::Payload& payload, core::PeerId dst, bool greets) {
  try {
    if (dst && shunned_.contains(dst)) return false;
    if (gate_ && !greets && !connections_.contains(to)) return false;
    Connection* const out = connection(now, to);
    if (out == nullptr) return false;
    if (dst) out->dst = dst;
    const std::size_t size = payload ? payload->size() : 0;
    zmq::message_t first(head.data(), head.size());
    if (!send_frame(out->socket, first, size > 0)) return refused(now, to, *out);
    out->full_since.reset();
    for (std::size_t begin = 0; begin < size; begin += kPiece) {
      const std::size_t length = std::min(kPiece, size - begin);
      zmq::message_t piece = piece_of(payload, begin, length);
      if (send_frame(out->socket, piece, begin + length < size)) continue;
      drop(connections_.find(to));  // the connection went in mid-message, and the socket with it
      return false;
    }
    return true;
  } catch (const zmq::error_t&) {  // out of sockets or file descriptors
    drop(connections_.find(to));
    return false;
  }
}

bool Transport::receive_frame(zmq::message_t& frame) {
  for (;;) {
    if (zmq_msg_recv(frame.handle(), router_.handle(), ZMQ_DONTWAIT) >= 0) return true;
    if (errno == EAGAIN) return false;
    if (errno != EINTR) throw zmq::error_t();
  }
}

std::optional<gossip::Received> Transport::receive() {
  for (;;) {
    zmq::message_t frame;
    if (!receive_frame(frame)) return std::nullopt;  // the sender's socket, of no interest

    gossip::Received received;
    bool wanted = true;
    // ZeroMQ delivers a message whole or not at all: the rest of its frames are here.
    if (frame.more() && receive_frame(frame)) {
      if (const char* host = zmq_msg_gets(frame.handle(), "Peer-Address")) {
        received.from_host = host;
      }
      wanted = !gate_ || identify(frame, received);
      if (wanted) {
        received.head.resize(frame.size());
        if (!frame.empty()) std::memcpy(received.head.data(), frame.data(), frame.size());
      }
    }
    bool cut = false;
    for (bool more = frame.more(); more;) {
      zmq::message_t piece;
      if (!receive_frame(piece)) break;
      more = piece.more();
      cut = cut || pieces_.size() == pieces_max_;
      if (!cut && wanted) pieces_.push_back(std::move(piece));
    }
    if (!wanted) continue;
    if (!pieces_.empty()) received.payload = join_pieces(cut);
    return received;
  }
}

core::Payload Transport::join_pieces(bool cut) {
  std::size_t size = 0;
  for (const zmq::message_t& piece : pieces_) size += piece.size();
  core::Bytes bytes = pool_.take();
  if (cut || size > payload_max_) {
    // Too long for anything: a length that no header may name says so, and its bytes do not matter.
    bytes.resize(payload_max_ + 1);
  } else {
    bytes.resize(size);
    std::size_t at = 0;
    for (const zmq::message_t& piece : pieces_) {
      if (!piece.empty()) std::memcpy(bytes.data() + at, piece.data(), piece.size());
      at += piece.size();
    }
  }
  pieces_.clear();
  return pool_.share(std::move(bytes));
}

void Transport::wait(int fd, long timeout_ms) {
  zmq_pollitem_t items[] = {{router_.handle(), 0, ZMQ_POLLIN, 0},
                            {nullptr, fd, ZMQ_POLLIN, 0},
                            {gate_ ? gate_->socket() : nullptr, -1, ZMQ_POLLIN, 0},
                            {gate_ ? router_monitor_->socket() : nullptr, -1, ZMQ_POLLIN, 0}};
  if (zmq_poll(items, gate_ ? 4 : 2, timeout_ms) < 0 && errno != EINTR) throw zmq::error_t();
}

void Transport::set_memory_max(std::size_t bytes) { memory_.emplace(bytes); }

core::Result<std::optional<std::string>> Transport::tend(core::Instant now) {
  now_ = now;
  if (gate_) {
    tend_gate(now);
    tend_strangers(now);
  }
  if (now < next_tend_) return std::nullopt;
  next_tend_ = now + kTendEvery;
  std::erase_if(shunned_, [now](const auto& entry) { return entry.second <= now; });
  if (gate_) tend_handshakes(now);
  if (door_.trust && now >= next_look_) follow_trust(now);
  drop_if([now](const Connection& connection) {
    const int events = connection.socket.get(zmq::sockopt::events);
    return (events & ZMQ_POLLIN) != 0 || now - connection.used > kIdleMax;
  });
  if (!memory_ || !memory_->too_large()) return std::nullopt;
  try {
    drop_all();
    listen(bound_);
  } catch (const zmq::error_t& error) {
    return core::fail(
        fmt::format("cannot listen on {} again: {}", to_string(bound_), error.what()));
  }
  memory_->begin_again();
  return fmt::format("somebody sent more than {} MiB that make no message: all connections dropped",
                     memory_->bytes_max() >> 20);
}

}  // namespace murmur::net
