// Who says Hello: contacts, refusals, processes of one identity, and the lineages that meet.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "gossip/links.hpp"
#include "gossip/words.hpp"

namespace murmur::gossip {
namespace {

/// A peer that listens on every interface cannot know under which address others see it: they
/// fill in the host that its message came from.
Address complete(const Address& address, const std::string& from_host) {
  const std::size_t colon = address.rfind(':');
  if (from_host.empty() || colon == Address::npos) return address;
  const std::string_view host = std::string_view(address).substr(0, colon);
  if (host != "0.0.0.0" && host != "*" && host != "[::]") return address;
  const bool v6 = from_host.find(':') != std::string::npos && from_host.front() != '[';
  return (v6 ? "[" + from_host + "]" : from_host) + address.substr(colon);
}

constexpr std::size_t kModelShown = 80;
/// What a process that has died had sent is here by then; what comes later is sent by one that
/// lives.
constexpr core::Duration kLastWords = std::chrono::milliseconds(200);
/// So long it is asked whether it lives, before another process takes its name.
constexpr core::Duration kRivalWait = std::chrono::milliseconds(1000);

}  // namespace

void Links::send_hello(const Address& to, core::PeerId dst, std::uint64_t nonce, std::uint64_t echo,
                       bool wants_reply, bool with_members) {
  wire::Hello hello;
  hello.wants_reply = wants_reply;
  hello.nonce = nonce;
  hello.echo = echo;
  hello.process = shell_.process;
  hello.lineage_step = shell_.lineages.step();
  hello.verdicts = shell_.lineages.verdicts();
  hello.rule = shell_.config.rule;
  if (shell_.config.proof) hello.proof = *shell_.config.proof;
  hello.codecs = (1U << core::kCodecCount) - 1;
  hello.state = shell_.config.state;
  hello.address = shell_.config.advertise;
  hello.model = model_and_words(shell_.schema.model(), shell_.config.words, wire::kAddressMax);
  if (with_members) hello.members = sample(wire::kMembersMax, dst);
  shell_.send(to, dst, 0, hello);
}

void Links::on_contact_timer(const Timer& timer) {
  Contact& contact = contacts_[timer.index];
  if (!Timers::fired(contact.timer, timer) || contact.answered || contact.refused) return;
  greet(timer.index);
}

Links::Contact* Links::contact_of(std::uint64_t nonce) {
  const auto at = std::find_if(contacts_.begin(), contacts_.end(),
                               [nonce](const Contact& c) { return c.nonce == nonce; });
  return at == contacts_.end() ? nullptr : &*at;
}

void Links::greet(std::uint32_t index) {
  Contact& contact = contacts_[index];
  send_hello(contact.address, {}, contact.nonce, 0, true, false);
  shell_.timers.arm(
      contact.timer,
      {shell_.now + shell_.back_off(contact.backoff), TimerKind::kContact, {}, index});
}

std::optional<Links::Refusal> Links::refusal_of(const wire::Header& header,
                                                const wire::Hello& hello) {
  if (header.version != wire::kVersion) {
    shell_.reject(Reject::kVersion);
    return Refusal{fmt::format("wire version {} here, {} there", wire::kVersion, header.version),
                   fmt::format("wire version {} here, {} there", header.version, wire::kVersion)};
  }
  if (!shell_.config.is_swarm(header.swarm)) {
    shell_.reject(Reject::kSwarm);
    return Refusal{
        fmt::format("swarm {:016x} here, {:016x} there", shell_.config.swarm, header.swarm),
        fmt::format("swarm {:016x} here, {:016x} there", header.swarm, shell_.config.swarm)};
  }
  if (header.schema != shell_.schema_hash) {
    shell_.reject(Reject::kSchema);
    const std::string_view ours = std::string_view(shell_.schema.model()).substr(0, kModelShown);
    const std::string_view theirs = model_in(hello.model).substr(0, kModelShown);
    if (ours == theirs) {
      const std::string why =
          fmt::format("model '{}' here and there, but of other tensors or shards", ours);
      return Refusal{why, why};
    }
    return Refusal{fmt::format("model '{}' here, '{}' there", ours, theirs),
                   fmt::format("model '{}' here, '{}' there", theirs, ours)};
  }
  if (shell_.config.rule == Rule::kNone) {
    shell_.reject(Reject::kUnknown);
    return Refusal{"this peer trains alone (rule none)", "it trains alone (rule none)"};
  }
  return std::nullopt;
}

void Links::own_hello(const wire::Hello& hello) {
  if (hello.process != shell_.process) {
    return shell_.report(PeerReport{PeerReport::What::kRefused, shell_.self.id, hello.address,
                                    "another process runs under this peer's id"});
  }
  Contact* const contact = contact_of(hello.nonce);
  if (contact == nullptr) return;
  contact->refused = true;
  refusal_ = fmt::format("{} is this peer itself", contact->address);
  shell_.report(PeerReport{PeerReport::What::kRefused, shell_.self.id, contact->address, refusal_});
}

void Links::turn_away(const wire::Header& header, const wire::Hello& hello, const Address& address,
                      core::Boot newest, const std::string& why) {
  shell_.reject(Reject::kStaleBoot);
  if (!introduce(header, hello, address)) return;
  shell_.send(address, header.src, header.src_boot, wire::Refuse{hello.nonce, newest, why});
  shell_.report(PeerReport{PeerReport::What::kRefused, header.src, address, why});
}

bool Links::turned_away(const wire::Header& header, const wire::Hello& hello,
                        const Address& address) {
  Edge::Newest known;
  if (const auto it = edges_.find(header.src); it != edges_.end()) known = it->second.newest;
  Link* const link = find(header.src);
  if (link != nullptr && link->boot >= known.boot && link->boot != 0) {
    known = {link->boot, link->process};
  }
  const bool other = known.process != 0 && hello.process != known.process;
  // Two cannot be reached at one address.
  const bool lives =
      link != nullptr && link->up && link->boot == known.boot && address != link->address;
  if (header.src_boot < known.boot || (header.src_boot == known.boot && other)) {
    const std::string newer = header.src_boot < known.boot
                                  ? fmt::format("boot {}, not {}", known.boot, header.src_boot)
                                  : fmt::format("boot {} was another process", known.boot);
    turn_away(header, hello, address, known.boot,
              lives ? fmt::format("another process runs under this identity at {}, as boot {}",
                                  link->address, known.boot)
                    : "its state is older than what is known of it: " + newer);
    return true;
  }
  if (header.src_boot == known.boot || !lives) return false;
  // Either it has started anew elsewhere, or this is a copy of it.
  if (link->rival != hello.process) {
    link->rival = hello.process;
    link->rival_since = shell_.now;
  } else if (link->heard >= link->rival_since + kLastWords) {
    turn_away(header, hello, address, known.boot,
              fmt::format("another process runs under this identity at {}, as boot {}",
                          link->address, known.boot));
    return true;
  }
  if (shell_.now - link->rival_since >= kRivalWait) return false;
  send(header.src, wire::Ping{});
  return true;
}

/// The sender's lineage and ours, and what each of us knows of others.
void Links::judge(const wire::Header& header, const wire::Hello& hello) {
  Lineages& lineages = shell_.lineages;
  const std::uint64_t step = std::max(header.step, hello.lineage_step);
  lineages.heard(header.lineage, step);
  const core::Lineage sought = lineages.sought();
  bool news = lineages.learn(hello.verdicts);
  if (lineages.met(header.lineage, step)) {
    news = true;
    const bool yields = lineages.sought() != 0;
    shell_.report(NoticeReport{
        fmt::format("met lineage {:016x}, up to step {}: the parameters were drawn twice, and {}",
                    header.lineage, step,
                    yields ? fmt::format("this peer's lineage, {:016x}, yields", lineages.own())
                           : "that one yields")});
  } else if (lineages.sought() != sought && lineages.sought() != 0) {
    shell_.report(NoticeReport{fmt::format("this peer's lineage, {:016x}, yields to {:016x}",
                                           lineages.own(), lineages.sought())});
  }
  if (!news) return;
  for (const core::PeerId peer : up_) {
    const Link& link = *find(peer);
    send_hello(link.address, peer, link.nonce, 0, false, false);
  }
}

LinkChange Links::hello(const wire::Header& header, const wire::Hello& hello,
                        const std::string& from_host) {
  const Address address = complete(hello.address, from_host);
  const bool keyed = shell_.config.keyed();
  if (auto refused = refusal_of(header, hello)) {
    if (!introduce(header, hello, address)) return LinkChange::kNone;
    shell_.send(address, header.src, header.src_boot,
                wire::Refuse{hello.nonce, 0, std::move(refused->there)});
    shell_.report(
        PeerReport{PeerReport::What::kRefused, header.src, address, std::move(refused->here)});
    return LinkChange::kNone;
  }
  if (turned_away(header, hello, address)) return LinkChange::kNone;
  Link* link = make(header.src, address);
  if (link == nullptr) {
    shell_.reject(Reject::kUnknown);
    if (hello.wants_reply) {
      // No room; but it learns of others, and why there is to be no link.
      send_hello(address, header.src, 0, hello.nonce, false, true);
      shell_.send(address, header.src, header.src_boot,
                  wire::Refuse{0, 0,
                               fmt::format("its {} links are taken; it has named others to try",
                                           links_.size())});
    }
    return LinkChange::kNone;
  }
  LinkChange change = LinkChange::kNone;
  if (header.src_boot > link->boot) {
    set_up(header.src, *link, false);
    link->took_resume = link->peer_took = false;
    link->boot = header.src_boot;
    link->process = hello.process;
    link->lineage = 0;
    link->phase = Phase::kJoining;
    link->compared = false;
    link->backoff = core::Duration{0};
    change = LinkChange::kNewBoot;
  }
  link->process = hello.process;
  if (header.lineage != 0) link->lineage = header.lineage;
  if (keyed && link->address != address) challenge(*link);
  link->address = address;
  link->heard = shell_.now;
  link->gone = false;
  enter(*link, header.phase);
  link->step = header.step;
  Contact* const contact = contact_of(hello.echo);
  if (contact != nullptr) contact->answered = true;
  if (hello.echo == link->nonce || (contact != nullptr && contact->address == address)) {
    link->reached = true;
  }
  if (!std::exchange(link->compared, true)) {
    if (std::string differs = differences(shell_.config.words, hello.model); !differs.empty()) {
      shell_.report(
          PeerReport{PeerReport::What::kDiffers, header.src, address, std::move(differs)});
    }
  }
  // Two names cannot share an address: whoever was known there before has gone. With keys anybody
  // may say to be there, and shows it by what is sent there.
  if (may_send(*link)) {
    for (auto& [id, other] : links_) {
      if (id != header.src && !other.up && other.address == address) other.gone = true;
    }
  }
  learn(hello.members);
  judge(header, hello);
  const bool asks = !may_send(*link);
  if (hello.wants_reply || asks) {
    send_hello(address, header.src, keyed ? link->nonce : 0, hello.nonce, asks, true);
  }
  if (!(link->took_resume && link->peer_took))
    arm(header.src, *link, core::Duration{0});
  else if (change == LinkChange::kNone)
    change = bring_up_if_ready(header.src, *link);
  return change;
}

void Links::refused(const wire::Header& header, const wire::Refuse& refuse) {
  // Who knows a newer boot, or another process, of this peer may be asked again.
  const bool for_good = refuse.newest_boot == 0;
  if (Contact* contact = contact_of(refuse.echo)) contact->refused = for_good;
  if (Link* link = find(header.src); link != nullptr && !link->up) link->gone = for_good;
  refusal_ = refuse.reason;
  shell_.report(PeerReport{PeerReport::What::kRefusedUs, header.src, {}, refuse.reason});
}

std::optional<std::string> Links::refused_by_all() const {
  const bool all =
      !contacts_.empty() && up_.empty() &&
      std::all_of(contacts_.begin(), contacts_.end(), [](const Contact& c) { return c.refused; });
  return all ? std::optional(refusal_) : std::nullopt;
}

std::size_t Links::met() const {
  return static_cast<std::size_t>(std::count_if(
      links_.begin(), links_.end(),
      [](const auto& entry) { return entry.second.boot != 0 && !entry.second.gone; }));
}

}  // namespace murmur::gossip
