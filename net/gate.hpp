// Gate: who may shake hands with a listening socket that has keys, and who each message is from.
// For every handshake ZeroMQ asks the gate (ZAP, RFC 27) with the caller's public key, which CURVE
// has by then proved to be the caller's; whoever knows no listening key never comes so far. What
// the gate answers becomes the "User-Id" of every message on that connection.
//
// Thread rule: one thread, that of the sockets; answer() often, for handshakes wait for it.
// Limits: kCallersMax callers are remembered (the one heard longest ago gives way, and its
// connection is closed); each may speak on one connection; a key may shake hands kHandshakesAtOnce
// times and then every kHandshakeEvery.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include <zmq.hpp>

#include "core/keys.hpp"
#include "core/time.hpp"
#include "gossip/effects.hpp"
#include "net/token_bucket.hpp"

namespace murmur::net {

inline constexpr const char* kZapDomain = "murmur";
inline constexpr std::size_t kCallersMax = 1024;
inline constexpr double kHandshakesAtOnce = 8;
inline constexpr core::Duration kHandshakeEvery = std::chrono::milliseconds(500);

class Gate {
 public:
  /// Before any socket of `context` listens with keys. Throws zmq::error_t.
  Gate(zmq::context_t& context, std::vector<core::SwarmKey> keys);

  /// Why a caller is not let in; empty: it is.
  using Admits = std::function<std::string(const core::PublicKey& key, const std::string& host)>;
  /// Answers all who wait. `refused` hears the host and the reason of each that is not let in.
  void answer(core::Instant now, const Admits& admits,
              const std::function<void(const core::PublicKey& key, const std::string& host,
                                       const std::string& why)>& refused);

  struct Caller {
    core::PublicKey key;
    std::shared_ptr<const gossip::Caller> known;
    TokenBucket handshakes;
    core::Instant heard{};
    int connection = -1;  ///< the descriptor that its last message came on, if that is still open
  };
  /// Of a message's "User-Id"; null if the gate has not given that. Until the next call.
  Caller* find(core::Instant now, std::string_view user_id);
  /// Null if it has not called lately.
  Caller* find(const core::PublicKey& key);

  /// A message of `caller` came on `connection`. The descriptor of another that it has open, as no
  /// honest peer has; else -1.
  int speaks_on(Caller& caller, int connection);
  void closed(int connection);

  [[nodiscard]] void* socket() { return socket_.handle(); }

 private:
  Caller& remember(core::Instant now, const core::PublicKey& key);
  std::vector<core::SwarmKey> keys_;
  zmq::socket_t socket_;
  std::map<core::PublicKey, Caller> callers_;
  std::map<int, core::PublicKey> speakers_;  ///< by Caller::connection
};

}  // namespace murmur::net
