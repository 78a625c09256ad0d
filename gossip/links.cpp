#include "gossip/links.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace murmur::gossip {
namespace {

constexpr std::size_t kShuffleMembers = 8;
constexpr int kShufflePings = 2;  // a shuffle goes out every so many ping_every
constexpr core::Duration kLongSilent = std::chrono::minutes(1);
constexpr int kLongSilentFactor = 10;  // a neighbour dropped so long ago is tried so much slower

}  // namespace

Links::Links(Shell& shell, Edges& edges) : shell_(shell), edges_(edges) {}

void Links::start(const std::vector<wire::Member>& known) {
  for (const wire::Member& member : known) make(member.id, member.address);
  for (const Address& address : shell_.config.join)
    contacts_.push_back({address, shell_.rng.next() | 1, false, false, {}, {}});
  for (std::uint32_t i = 0; i < contacts_.size(); ++i) greet(i);
  shell_.timers.arm(shuffle_timer_,
                    {shell_.now + shell_.jitter(kShufflePings * shell_.config.ping_every),
                     TimerKind::kShuffle,
                     {},
                     0});
}

Link* Links::find(core::PeerId peer) {
  if (peer != found_id_ || found_ == nullptr) {
    const auto it = links_.find(peer);
    found_id_ = peer;
    found_ = it == links_.end() ? nullptr : &it->second;
  }
  return found_;
}

/// The link, made if there is room: a dead one gives way to a new one.
Link* Links::make(core::PeerId peer, const Address& address) {
  if (peer == shell_.self.id) return nullptr;
  if (Link* known = find(peer)) return known;
  if (links_.size() >= shell_.config.links_max) {
    auto worst = links_.end();
    for (auto it = links_.begin(); it != links_.end(); ++it) {
      if (!it->second.up && (worst == links_.end() || it->second.heard < worst->second.heard))
        worst = it;
    }
    if (worst == links_.end()) return nullptr;
    if (const auto it = edges_.find(worst->first); it != edges_.end() && it->second.blank()) {
      edges_.erase(it);
      ++edges_forgotten_;
    }
    links_.erase(worst);
    found_ = nullptr;
  }
  Link& link = links_[peer];
  link.address = address;
  link.heard = shell_.now;
  link.nonce = shell_.rng.next() | 1;
  arm(peer, link, core::Duration{0});
  return &link;
}

void Links::arm(core::PeerId peer, Link& link, core::Duration after) {
  shell_.timers.arm(link.timer, {shell_.now + after, TimerKind::kLink, peer, 0});
}

void Links::send(core::PeerId to, const wire::Body& body, core::Payload payload) {
  if (const Link* link = find(to); link != nullptr && may_send(*link)) {
    shell_.send(link->address, to, link->boot, body, std::move(payload));
  }
}

// ---- resume ----------------------------------------------------------------------------------

void Links::send_resume(core::PeerId peer, Link& link) {
  wire::Resume resume;
  resume.has_yours = link.took_resume;
  resume.wants_answer = !link.peer_took;
  if (const auto it = edges_.find(peer); it != edges_.end()) resume.facts = it->second.facts();
  link.resumed = shell_.now;
  link.said_took = link.took_resume;
  send(peer, resume);
}

LinkChange Links::resume(const wire::Header& header, const wire::Resume& resume, bool busy) {
  Link* link = find(header.src);
  if (link == nullptr || link->boot != header.src_boot || busy) return LinkChange::kNone;
  link->heard = shell_.now;
  if (!link->took_resume) {
    const auto lost = edges_[header.src].resume(resume.facts, {shell_.self.boot, header.src_boot},
                                                shell_.config.lost_max);
    if (!lost) {
      shell_.reject(Reject::kClaim);
      if (!link->disbelieved) {
        link->disbelieved = true;
        shell_.report(PeerReport{PeerReport::What::kRefused, header.src, link->address,
                                 "it claims to have given what cannot have been lost here"});
      }
      return LinkChange::kNone;
    }
    link->took_resume = true;
    edges_[header.src].newest = {link->boot, link->process};
    shell_.counters.lost_here += lost->here;
    shell_.counters.lost_there += lost->there;
    if (lost->here + lost->there > 0) {
      shell_.report(PeerReport{
          PeerReport::What::kLost, header.src, link->address,
          fmt::format("a crash lost {} of its deltas here and {} there", lost->here, lost->there)});
    }
  }
  if (resume.has_yours) link->peer_took = true;
  // One that asks again faster than questions are repeated has its answer under way.
  if (resume.wants_answer && (link->said_took != link->took_resume ||
                              shell_.now - link->resumed >= shell_.config.retry / 2)) {
    send_resume(header.src, *link);
  }
  if (!link->peer_took) arm(header.src, *link, shell_.config.retry);
  return bring_up_if_ready(header.src, *link);
}

void Links::set_up(core::PeerId peer, Link& link, bool up) {
  if (link.up == up) return;
  link.up = up;
  const auto at = std::lower_bound(up_.begin(), up_.end(), peer);
  if (up) {
    up_.insert(at, peer);
  } else {
    up_.erase(at);
  }
}

LinkChange Links::bring_up_if_ready(core::PeerId peer, Link& link) {
  if (link.up || !link.took_resume || !link.peer_took || link.gone || !may_send(link)) {
    return LinkChange::kNone;
  }
  set_up(peer, link, true);
  link.backoff = core::Duration{0};
  arm(peer, link, shell_.config.ping_every);
  shell_.report(PeerReport{PeerReport::What::kUp, peer, link.address, {}});
  return LinkChange::kUp;
}

LinkChange Links::take_down(core::PeerId peer, Link& link, PeerReport::What what) {
  if (!link.up) return LinkChange::kNone;
  set_up(peer, link, false);
  link.backoff = core::Duration{0};
  shell_.report(PeerReport{what, peer, link.address, {}});
  return LinkChange::kDown;
}

void Links::reborn() {
  for (auto& [peer, link] : links_) {
    set_up(peer, link, false);
    link.took_resume = link.peer_took = false;
    link.backoff = core::Duration{0};
    if (link.gone) continue;
    send_hello(link.address, peer, link.nonce, 0, true, false);
    arm(peer, link, shell_.back_off(link.backoff));
  }
}

void Links::enter(Link& link, Phase phase) {
  if (link.phase < Phase::kSettling && phase >= Phase::kSettling) training_ended_ = shell_.now;
  link.phase = std::max(link.phase, phase);
}

// ---- liveness --------------------------------------------------------------------------------

/// For a Hello, as what came otherwise showed the need; not each time that it does, as whoever is
/// at the address that the other told of may have nothing to do with it.
void Links::ask(core::PeerId peer, Link& link) {
  if (shell_.now - link.asked < shell_.config.retry) return;
  link.asked = shell_.now;
  send_hello(link.address, peer, link.nonce, 0, true, false);
}

Links::Heard Links::heard(const wire::Header& header) {
  Link* link = find(header.src);
  if (link == nullptr) return {nullptr, LinkChange::kNone, Reject::kUnknown};
  if (header.src_boot < link->boot) return {nullptr, LinkChange::kNone, Reject::kStaleBoot};
  if (header.src_boot > link->boot) {
    // It restarted and its Hello was lost, or that is another process.
    ask(header.src, *link);
    return {nullptr, LinkChange::kNone, Reject::kUnresumed};
  }
  if (!link->took_resume) return {nullptr, LinkChange::kNone, Reject::kUnresumed};
  link->heard = shell_.now;
  enter(*link, header.phase);
  link->step = header.step;
  if (header.lineage != 0 && header.lineage != link->lineage) {
    link->lineage = header.lineage;
    // It has parameters now. Of another draw? Then the two must compare what they know.
    if (!shell_.lineages.is_own(header.lineage)) ask(header.src, *link);
  }
  shell_.lineages.heard(header.lineage, header.step);
  if (header.type != wire::Type::kBye) link->gone = false;
  // It answers as to an equal, so it has taken our Resume, even if its word on that was lost.
  link->peer_took = true;
  return {link, bring_up_if_ready(header.src, *link), {}};
}

LinkChange Links::on_link_timer(core::PeerId peer, bool busy) {
  Link* link = find(peer);
  if (link == nullptr || link->gone) return LinkChange::kNone;
  const Config& config = shell_.config;
  const core::Duration silent = shell_.now - link->heard;
  if (link->up) {
    if (silent >= config.silent_max) {
      const LinkChange change = take_down(peer, *link, PeerReport::What::kSilent);
      arm(peer, *link, shell_.back_off(link->backoff));
      return change;
    }
    if (!may_send(*link)) {
      send_hello(link->address, peer, link->nonce, 0, true, false);
      arm(peer, *link, shell_.jitter(config.retry));
      return LinkChange::kNone;
    }
    if (silent >= config.ping_every) send(peer, wire::Ping{});
    const core::Duration next =
        silent >= config.ping_every ? config.ping_every : config.ping_every - silent;
    arm(peer, *link, std::min(next, config.silent_max - silent));
    return LinkChange::kNone;
  }
  const bool resuming = link->boot != 0 && may_send(*link) && silent < config.silent_max &&
                        !(link->took_resume && link->peer_took);
  if (resuming) {
    if (!busy) send_resume(peer, *link);
    arm(peer, *link, shell_.back_off(link->backoff));
  } else {
    send_hello(link->address, peer, link->nonce, 0, true, false);
    const core::Duration wait = shell_.back_off(link->backoff);
    arm(peer, *link, silent > kLongSilent ? kLongSilentFactor * wait : wait);
  }
  return LinkChange::kNone;
}

LinkChange Links::bye(core::PeerId from) {
  Link* link = find(from);
  if (link == nullptr) return LinkChange::kNone;
  link->gone = true;
  return take_down(from, *link, PeerReport::What::kLeft);
}

// ---- who else there is -----------------------------------------------------------------------

void Links::learn(const std::vector<wire::Member>& members) {
  for (const wire::Member& member : members) {
    if (Link* known = find(member.id)) {
      // Another has heard it lately: if it fell silent here, now is the time to try.
      if (!known->up && !known->gone) arm(member.id, *known, shell_.jitter(shell_.config.retry));
    } else if (links_.size() < shell_.config.view_max &&
               member.address != shell_.config.advertise) {
      make(member.id, member.address);
    }
  }
}

/// A random few of those heard from, by reservoir sampling.
std::vector<wire::Member> Links::sample(std::size_t most, core::PeerId except) {
  std::vector<wire::Member> chosen;
  std::size_t seen = 0;
  for (const auto& [id, link] : links_) {
    if (id == except || link.boot == 0 || link.gone ||
        shell_.now - link.heard >= shell_.config.silent_max ||
        link.address.size() > wire::kAddressMax) {
      continue;
    }
    ++seen;
    if (chosen.size() < most) {
      chosen.push_back({id, link.address});
    } else if (const std::uint64_t at = shell_.rng.below(seen); at < most) {
      chosen[at] = {id, link.address};
    }
  }
  return chosen;
}

void Links::on_shuffle_timer(const Timer& timer) {
  if (!Timers::fired(shuffle_timer_, timer)) return;
  shell_.timers.arm(shuffle_timer_,
                    {shell_.now + shell_.jitter(kShufflePings * shell_.config.ping_every),
                     TimerKind::kShuffle,
                     {},
                     0});
  if (up_.empty()) return;
  const core::PeerId one = up_[shell_.rng.below(up_.size())];
  send(one, wire::Ping{sample(kShuffleMembers, one)});
}

void Links::ping(core::PeerId from, const wire::Ping& ping) {
  learn(ping.members);
  const bool shuffle = !ping.members.empty();
  send(from, wire::Pong{shuffle ? sample(kShuffleMembers, from) : std::vector<wire::Member>{}});
}

void Links::pong(const wire::Pong& pong) { learn(pong.members); }

void Links::announce() {
  for (const core::PeerId id : up_) send(id, wire::Ping{});
}

void Links::say_goodbye() {
  for (const core::PeerId id : up_) send(id, wire::Bye{});
}

}  // namespace murmur::gossip
