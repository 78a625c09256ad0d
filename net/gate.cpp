#include "net/gate.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "net/strangers.hpp"

namespace murmur::net {
namespace {

constexpr const char* kZapAddress = "inproc://zeromq.zap.01";

/// A request's frames (RFC 27), in this order; of CURVE there is one credential, the public key.
enum Frame : std::size_t {
  kVersion,
  kRequest,
  kDomain,
  kHost,
  kRouting,
  kMechanism,
  kKey,
  kFrames
};

bool receive(zmq::socket_t& socket, zmq::message_t& into) {
  for (;;) {
    if (zmq_msg_recv(into.handle(), socket.handle(), ZMQ_DONTWAIT) >= 0) return true;
    if (errno == EAGAIN) return false;
    if (errno != EINTR) throw zmq::error_t();
  }
}

}  // namespace

Gate::Gate(zmq::context_t& context, std::vector<core::SwarmKey> keys)
    : keys_(std::move(keys)), socket_(context, zmq::socket_type::rep) {
  socket_.set(zmq::sockopt::linger, 0);
  socket_.bind(kZapAddress);
}

void Gate::answer(core::Instant now, const Admits& admits,
                  const std::function<void(const core::PublicKey& key, const std::string& host,
                                           const std::string& why)>& refused) {
  for (;;) {
    std::array<zmq::message_t, kFrames> request;
    std::size_t frames = 0;
    zmq::message_t frame;
    if (!receive(socket_, frame)) return;
    for (bool more = true; more; ++frames) {
      more = frame.more();
      if (frames < kFrames) request[frames].swap(frame);
      if (more && !receive(socket_, frame)) return;
    }
    const bool whole = frames == kFrames && request[kMechanism].to_string_view() == "CURVE" &&
                       request[kDomain].to_string_view() == kZapDomain &&
                       request[kKey].size() == core::kKeyBytes;
    std::string user;
    const char* status = "500";
    if (whole) {
      core::PublicKey key;
      std::memcpy(key.bytes.data(), request[kKey].data(), key.bytes.size());
      const std::string host = request[kHost].to_string();
      const std::string why = admits(key, host);
      if (!why.empty()) {
        status = "400";  // ZeroMQ tells the caller, which does not try again by itself
        refused(key, host, why);
      } else if (!remember(now, key).handshakes.take(now, kHandshakesAtOnce, kHandshakeEvery)) {
        status = "300";  // not now
      } else {
        status = "200";
        user = core::to_string(key);
      }
    }
    const std::array<std::string_view, 6> reply{
        "1.0", request[kRequest].to_string_view(), status, "", user, ""};
    for (std::size_t i = 0; i < reply.size(); ++i) {
      socket_.send(zmq::buffer(reply[i].data(), reply[i].size()),
                   i + 1 < reply.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }
  }
}

Gate::Caller& Gate::remember(core::Instant now, const core::PublicKey& key) {
  if (const auto found = callers_.find(key); found != callers_.end()) {
    found->second.heard = now;
    return found->second;
  }
  if (callers_.size() >= kCallersMax) {
    const auto oldest = std::min_element(
        callers_.begin(), callers_.end(),
        [](const auto& a, const auto& b) { return a.second.heard < b.second.heard; });
    const int connection = oldest->second.connection;
    shut_down(connection, host_of(connection));
    speakers_.erase(connection);
    callers_.erase(oldest);
  }
  gossip::Caller known{core::peer_id(key), {}};
  for (const core::SwarmKey& swarm : keys_) {
    known.proofs.push_back(core::membership_proof(swarm, key));
  }
  Caller caller{key, std::make_shared<const gossip::Caller>(std::move(known)), {}, now, -1};
  return callers_.emplace(key, std::move(caller)).first->second;
}

int Gate::speaks_on(Caller& caller, int connection) {
  if (caller.connection == connection) return -1;
  closed(connection);  // it was another's, whose end was not told yet
  const int before = std::exchange(caller.connection, connection);
  speakers_.erase(before);
  speakers_.emplace(connection, caller.key);
  return before;
}

void Gate::closed(int connection) {
  const auto speaker = speakers_.extract(connection);
  if (!speaker) return;
  if (Caller* const caller = find(speaker.mapped())) caller->connection = -1;
}

Gate::Caller* Gate::find(core::Instant now, std::string_view user_id) {
  const auto key = core::parse_public_key(user_id);
  return key ? &remember(now, *key) : nullptr;
}

Gate::Caller* Gate::find(const core::PublicKey& key) {
  const auto found = callers_.find(key);
  return found == callers_.end() ? nullptr : &found->second;
}

}  // namespace murmur::net
