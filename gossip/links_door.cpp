// Links where connections have keys: who is let in no longer, and whether the one at an address is
// the one that a link is to. Every member can read what is sent to a listener of the swarm, so a
// caller does not know whom it reached until that one, with its own key, says the nonce that was
// sent there and nowhere else.
#include <fmt/format.h>

#include "gossip/links.hpp"

namespace murmur::gossip {

/// With keys a refusal is looked at only once a Hello has shown that it is a member's. False: that
/// was such a Hello, which is not refused in its turn, and so on without end.
bool Links::introduce(const wire::Header& header, const wire::Hello& hello,
                      const Address& address) {
  if (!shell_.config.keyed()) return true;
  if (hello.wants_reply) send_hello(address, header.src, 0, hello.nonce, false, false);
  return hello.wants_reply;
}

LinkChange Links::distrusted(core::PeerId peer) {
  Link* link = find(peer);
  if (link == nullptr) return LinkChange::kNone;
  link->gone = true;
  return take_down(peer, *link, PeerReport::What::kDistrusted);
}

LinkChange Links::shunned(core::PeerId peer, core::Duration lasting, const std::string& why) {
  Link* link = find(peer);
  shell_.report(PeerReport{PeerReport::What::kShunned, peer, link != nullptr ? link->address : "",
                           fmt::format("for {:.0f} s: {}", core::seconds(lasting), why)});
  return link != nullptr ? take_down(peer, *link, PeerReport::What::kSilent) : LinkChange::kNone;
}

/// Begins to find out who is at its address.
void Links::challenge(Link& link) {
  link.reached = false;
  link.nonce = shell_.rng.next() | 1;
}

void Links::disconnected(const Address& address) {
  for (auto& [id, link] : links_) {
    if (link.address != address || !link.reached) continue;
    challenge(link);
    if (link.up) arm(id, link, core::Duration{0});
  }
}

}  // namespace murmur::gossip
