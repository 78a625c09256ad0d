// Transport's door: whose messages are looked at, whom it lets in and calls, and with which key.
#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "core/check.hpp"
#include "net/transport.hpp"

namespace murmur::net {
namespace {

using namespace std::chrono_literals;

/// How often the file of whom to trust is looked at.
constexpr core::Duration kLookEvery = 250ms;
/// A neighbour that starts anew breaks a handshake or two off; so many in a row are something else.
constexpr int kHandshakesFailedMax = 5;
constexpr std::size_t kTriedMax = 2 * kConnectionsMax;
constexpr core::Duration kNoticeEvery = 60s;
constexpr std::size_t kNoticesMax = 32;

}  // namespace

void Transport::introduce(gossip::Config& config) const {
  if (door_.keys.empty()) return;
  CHECK_INVARIANT(self_.has_value());
  config.proof = core::membership_proof(door_.keys.front(), self_->shown);
  if (config.swarm != 0) return;  // it has a name
  for (const core::SwarmKey& key : door_.keys) config.swarms_also.push_back(core::swarm_id(key));
  config.swarm = config.swarms_also.front();
}

/// Empty: it is let in.
std::string Transport::why_not(const core::PublicKey& key) const {
  if (door_.trust && !door_.trust->includes(key)) return "it is not on the --trust list";
  if (shunned_.contains(core::peer_id(key))) return "it misbehaved";
  return {};
}

bool Transport::identify(zmq::message_t& head, gossip::Received& received) {
  const char* const user = zmq_msg_gets(head.handle(), "User-Id");
  Gate::Caller* const caller = user != nullptr ? gate_->find(now_, user) : nullptr;
  if (caller == nullptr) {
    ++counters_.unidentified;
    return false;
  }
  const int connection = zmq_msg_get(head.handle(), ZMQ_SRCFD);
  strangers_.spoke(connection);
  if (const int other = gate_->speaks_on(*caller, connection); other >= 0) {
    ++counters_.shown_out;
    shut_down(other, received.from_host);
  }
  const bool trusted = !door_.trust || door_.trust->includes(caller->key);
  if (!trusted || (!shunned_.empty() && shunned_.contains(caller->known->id))) {
    ++counters_.unidentified;
    shut_down(connection, received.from_host);
    return false;
  }
  received.caller = caller->known;
  return true;
}

void Transport::tend_gate(core::Instant now) {
  gate_->answer(
      now,
      [this](const core::PublicKey& key, const std::string& host) {
        // Whoever has the listening key may draw any number of its own: each costs a handshake.
        if (gate_->find(key) == nullptr) turnstile_.failed(host);
        return why_not(key);
      },
      [&](const core::PublicKey& key, const std::string& host, const std::string& why) {
        ++counters_.handshakes_refused;
        notice(now, core::to_string(key),
               fmt::format("{} at {} is not let in: {} (its key is {})",
                           core::short_name(core::peer_id(key)), host, why, core::to_string(key)));
      });
}

void Transport::tend_strangers(core::Instant now) {
  router_monitor_->take([this](int event, int value) {
    if (event == ZMQ_EVENT_LISTENING) {
      listener_ = value;
    } else if (event == ZMQ_EVENT_ACCEPTED) {
      strangers_.accepted(value);
    } else if (event == ZMQ_EVENT_DISCONNECTED) {
      if (const auto host = strangers_.closed(value)) turnstile_.failed(*host);
      if (gate_) gate_->closed(value);
    } else {
      ++counters_.handshakes_failed;
    }
  });
  for (const std::string& host : strangers_.look()) {
    ++counters_.shown_out;
    turnstile_.failed(host);
  }
  if (const auto shares = turnstile_.turn(now)) let_through(listener_, *shares);
  for (const std::string& host : turnstile_.take_slowed()) {
    ++counters_.hosts_slowed;
    notice(now, host,
           fmt::format("{} connects again and again without a handshake: of its attempts only some "
                       "are let through",
                       host));
  }
}

void Transport::tend_handshakes(core::Instant now) {
  for (auto at = connections_.begin(); at != connections_.end();) {
    bool given_up = false;
    at->second.monitor->take([&](int event, int) {
      given_up = given_up || handshake_ended(now, at->first, at->second, event);
    });
    at = given_up ? drop(at) : std::next(at);
  }
}

/// True if the connection is to be dropped: what is sent next makes another.
bool Transport::handshake_ended(core::Instant now, const gossip::Address& to,
                                Connection& connection, int event) {
  // Else ZeroMQ would connect again by itself, to whoever is there then.
  if (event == ZMQ_EVENT_DISCONNECTED) return connection.shook_hands;
  if (tried_.size() >= kTriedMax && !tried_.contains(to)) tried_.clear();
  Tried& tried = tried_[to];
  if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
    connection.shook_hands = true;
    tried.handshakes_failed = 0;
    return false;
  }
  if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
    notice(now, to, fmt::format("{} does not let this peer in", to));
    return true;  // ZeroMQ gives it up for good
  }
  const bool for_good = event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
  if (for_good || ++tried.handshakes_failed >= kHandshakesFailedMax) {
    notice(now, to,
           fmt::format("{} shakes no hands with this peer's key: is it of another swarm, "
                       "or without a key?",
                       to));
    tried.handshakes_failed = 0;
  }
  tried.key = (tried.key + 1) % door_.keys.size();
  return for_good || door_.keys.size() > 1;
}

void Transport::follow_trust(core::Instant now) {
  next_look_ = now + kLookEvery;
  auto change = door_.trust->look();
  if (!change) return;
  notices_.push_back(std::move(change->words));
  for (const core::PublicKey& key : change->removed) {
    const core::PeerId peer = core::peer_id(key);
    distrusted_.push_back(peer);
    show_out(peer);
    if (Gate::Caller* const caller = gate_->find(key)) {
      shut_down(caller->connection, host_of(caller->connection));
    }
  }
}

/// Closes the connections to it.
void Transport::show_out(core::PeerId peer) {
  drop_if([peer](const Connection& connection) { return connection.dst == peer; });
}

void Transport::shun(core::Instant now, core::PeerId peer, core::Duration lasting) {
  shunned_[peer] = now + lasting;
  show_out(peer);
}

void Transport::notice(core::Instant now, const std::string& cause, std::string words) {
  std::erase_if(noticed_, [now](const auto& entry) { return now - entry.second > kNoticeEvery; });
  if (noticed_.size() >= kNoticesMax || !noticed_.emplace(cause, now).second) return;
  notices_.push_back(std::move(words));
}

}  // namespace murmur::net
