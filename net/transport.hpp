// Transport: messages between peers over ZeroMQ. A peer binds one ROUTER, on which it receives, and
// opens one DEALER per address that it sends to; who sent a message is in its header, so the
// identities of sockets do not matter.
//
// A message is a head frame and, if there is a payload, its bytes cut into frames of kPiece: the
// kernel copies a piece out while the next is being copied in (10 MiB in one frame: 2.9 GB/s over
// loopback, in pieces 5.7).
//
// With a swarm's key (`keys`) every connection is encrypted and authenticated by CURVE: the ROUTER
// listens with the key pair that comes from the first key, the DEALERs call with this peer's own
// key pair, and what is received says whose key it came from (net/gate.hpp). Of two keys a call is
// tried with each in turn until one fits, so that a swarm can change its key peer by peer.
//
// Thread rule: one thread owns it; only ZeroMQ's own I/O thread works beside it, and it may drop
// the last reference to a payload.
// Limits: a frame is at most kFrameMax (ZeroMQ drops the connection that sends more); a message
// that is past `payload_max` is cut short before it is joined; at most kSendQueue messages wait for
// each connection outwards, of which at most kConnectionsMax are held. What waits to be received
// has no limit of its own: a connection whose input ZeroMQ has stopped, and that then breaks,
// aborts the process when something is to be written to it (an assertion of libzmq 4.3.4 in
// out_event). So nothing ever stops an input, there are no ZMTP heartbeats, and tend() bounds the
// memory instead: past `memory_max` it drops every connection. With keys, who has none gets nothing
// into that memory but what a handshake takes, on kStrangersMax connections (net/strangers.hpp).
#pragma once

#include <cstddef>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "core/bytes.hpp"
#include "core/keys.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "gossip/effects.hpp"
#include "net/door.hpp"
#include "net/endpoint.hpp"
#include "net/gate.hpp"
#include "net/memory_watch.hpp"
#include "net/monitor.hpp"
#include "net/strangers.hpp"
#include "net/turnstile.hpp"

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
  static core::Result<std::unique_ptr<Transport>> open(const Endpoint& listen, Door door = {});
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// The key pair that is this peer: before send(), where there are keys.
  void call_as(const core::KeyPair& keys) { self_ = keys; }
  /// Fills in, where there are keys, what shows that this peer has them; after call_as().
  void introduce(gossip::Config& config) const;
  /// As bound, with the real port.
  [[nodiscard]] const Endpoint& bound() const { return bound_; }
  /// Payloads past this are cut to one byte more, which no header can match. Before receive().
  void set_payload_max(std::size_t bytes);

  /// Hands a message on, without waiting for the connection: what is sent first is delivered when
  /// it is up. `dst`, if it is known, is whom the connection is dropped with. False: the address is
  /// not a numeric one, its queue is full, `dst` is shunned, or the message does not greet and,
  /// with keys, there is no connection yet.
  bool send(core::Instant now, const gossip::Address& to, const core::Bytes& head,
            const core::Payload& payload, core::PeerId dst = {}, bool greets = true);
  /// The next message, or nothing if none is here.
  std::optional<gossip::Received> receive();
  /// How much the process may grow from now on before tend() drops all connections, bytes.
  void set_memory_max(std::size_t bytes);
  /// To be called after each wait(), for handshakes wait for it; does the rest of its work at most
  /// every kTendEvery. Follows the list of whom to trust. Closes connections that were not sent on
  /// for kIdleMax, and those on which something came back, as no peer answers there; drops all when
  /// the process has grown past set_memory_max(). Peers come back by themselves. The words for a
  /// person if it dropped all. Error: it cannot listen any more.
  core::Result<std::optional<std::string>> tend(core::Instant now);
  /// Until a message is here, `fd` is readable, a signal came or `timeout_ms` has passed.
  void wait(int fd, long timeout_ms);
  [[nodiscard]] std::size_t open_connections() const { return connections_.size(); }

  /// Nothing from or to `peer` passes until then; its connections are closed.
  void shun(core::Instant now, core::PeerId peer, core::Duration lasting);
  /// Whom the list has lost since the last call.
  std::vector<core::PeerId> take_distrusted() { return std::exchange(distrusted_, {}); }
  /// With keys: where connections were given up since the last call. Who is reached there next is
  /// not known to be who it was.
  std::vector<gossip::Address> take_disconnected() { return std::exchange(disconnected_, {}); }
  /// For a person, since the last call; each cause once a minute at most.
  std::vector<std::string> take_notices() { return std::exchange(notices_, {}); }
  [[nodiscard]] const DoorCounters& door_counters() const { return counters_; }

 private:
  struct Connection {
    zmq::socket_t socket;
    core::Instant used;
    std::optional<core::Instant> full_since;
    core::PeerId dst;                  ///< of the last message that named one
    std::unique_ptr<Monitor> monitor;  ///< with keys
    bool shook_hands = false;
  };

  using Connections = std::map<gossip::Address, Connection>;

  Transport();
  /// Opens the context and the ROUTER. Throws zmq::error_t.
  void listen(const Endpoint& at);
  Connection* connection(core::Instant now, const gossip::Address& to);
  bool refused(core::Instant now, const gossip::Address& to, Connection& connection);
  bool receive_frame(zmq::message_t& frame);
  core::Payload join_pieces(bool cut);
  zmq::socket_t dealer(const Endpoint& to, std::size_t key);
  Connections::iterator drop(Connections::iterator at);
  template <class Which>
  void drop_if(const Which& which) {
    for (auto at = connections_.begin(); at != connections_.end();) {
      at = which(at->second) ? drop(at) : std::next(at);
    }
  }
  void drop_all();
  /// Whose message it is, if it is to be looked at; false: it is not.
  bool identify(zmq::message_t& head, gossip::Received& received);
  [[nodiscard]] std::string why_not(const core::PublicKey& key) const;
  void tend_gate(core::Instant now);
  void tend_strangers(core::Instant now);
  void tend_handshakes(core::Instant now);
  bool handshake_ended(core::Instant now, const gossip::Address& to, Connection& connection,
                       int event);
  void follow_trust(core::Instant now);
  void show_out(core::PeerId peer);
  void notice(core::Instant now, const std::string& cause, std::string words);

  Door door_;
  std::optional<core::KeyPair> self_;
  std::vector<core::KeyPair> listening_;  ///< of each of Door::keys
  DoorCounters counters_;
  std::vector<std::string> notices_;
  std::map<std::string, core::Instant> noticed_;  ///< by cause
  std::vector<core::PeerId> distrusted_;
  std::vector<gossip::Address> disconnected_;
  std::map<core::PeerId, core::Instant> shunned_;  ///< until when
  core::Instant next_look_{};

  std::optional<zmq::context_t> context_;
  std::optional<Gate> gate_;
  zmq::socket_t router_;
  std::unique_ptr<Monitor> router_monitor_;
  Strangers strangers_;
  Turnstile turnstile_;
  int listener_ = -1;  ///< ZeroMQ's descriptor, with keys
  Endpoint bound_;
  Connections connections_;  // closed before their context
  /// Of an address, with keys; it outlives connections, which a failed handshake may end.
  struct Tried {
    std::size_t key = 0;        ///< of Door::keys: the one to call with
    int handshakes_failed = 0;  ///< in a row
  };
  std::map<gossip::Address, Tried> tried_;
  std::size_t connections_max_ = kConnectionsMax;
  core::BufferPool pool_;
  std::size_t payload_max_ = 0;
  std::size_t pieces_max_ = 0;
  std::optional<MemoryWatch> memory_;
  core::Instant next_tend_{};
  core::Instant now_{};  ///< at the last tend()
  std::vector<zmq::message_t> pieces_;
};

}  // namespace murmur::net
