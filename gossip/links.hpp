// Links: who else there is. A link is what this peer knows of one other: where it is, which boot of
// it was heard last, and whether the two have taken each other's Resume. It begins with a Hello (to
// an address of Config::join, or to a member another peer told of) and is up while both Resumes are
// taken and the other is heard; a silent one is dropped, and tried again ever more slowly.
//
// The edges (gossip/edge.hpp) are kept apart because they outlive links.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gossip/edge.hpp"
#include "gossip/shell.hpp"

namespace murmur::gossip {

using Edges = std::map<core::PeerId, Edge>;

struct Link {
  Address address;
  core::Boot boot = 0;            ///< newest heard; 0: none yet
  std::uint64_t process = 0;      ///< of that boot
  core::Lineage lineage = 0;      ///< of its parameters, as that boot last said
  std::uint64_t nonce = 0;        ///< of our Hellos to it, at this address
  bool reached = false;           ///< with keys: it answered one of those, so it is the one there
  std::uint64_t rival = 0;        ///< another process that says to be it, while it may live...
  core::Instant rival_since{};    ///< ...and when that was heard first
  core::Instant asked{};          ///< for a Hello, by one that we had no need of before
  Phase phase = Phase::kJoining;  ///< the furthest that this boot has said
  std::uint64_t step = 0;
  core::Instant heard{};
  bool took_resume = false;  ///< this side has taken the other's, for this pair of boots
  bool peer_took = false;    ///< and the other this side's
  bool up = false;
  bool compared = false;     ///< its words (gossip/words.hpp), of this boot
  bool gone = false;         ///< it said goodbye, or another peer lives at its address now
  bool disbelieved = false;  ///< and that was said
  core::Instant resumed{};   ///< when it was last sent a Resume...
  bool said_took = false;    ///< ...and whether that said that its own was taken
  core::Duration backoff{0};
  TimerSlot timer;
};

/// What a message or a timer did to a link, for the parts that depend on it.
enum class LinkChange : std::uint8_t { kNone, kNewBoot, kUp, kDown };

class Links {
 public:
  Links(Shell& shell, Edges& edges);
  /// First contacts. `known` are addresses that a checkpoint remembers.
  void start(const std::vector<wire::Member>& known);

  // ---- messages; `from_host` completes an address whose host is a wildcard ----
  LinkChange hello(const wire::Header& header, const wire::Hello& hello,
                   const std::string& from_host);
  /// A Hello that came from this peer itself, or from one that has its id.
  void own_hello(const wire::Hello& hello);
  /// `busy`: a work on this edge is in the lane, so a Resume is neither taken nor sent now.
  LinkChange resume(const wire::Header& header, const wire::Resume& resume, bool busy);
  void ping(core::PeerId from, const wire::Ping& ping);
  void pong(const wire::Pong& pong);
  LinkChange bye(core::PeerId from);
  /// The driver does not let it in any more: it is treated as one that has left.
  LinkChange distrusted(core::PeerId peer);
  LinkChange shunned(core::PeerId peer, core::Duration lasting, const std::string& why);
  /// Whoever is at `address` now has yet to show who it is.
  void disconnected(const Address& address);
  void refused(const wire::Header& header, const wire::Refuse& refuse);
  /// This peer goes on under another boot, of which all others have yet to hear.
  void reborn();
  /// Any other valid message: the sender lives. Null if it may not be handled: `reject` says why.
  struct Heard {
    Link* link = nullptr;
    LinkChange change = LinkChange::kNone;
    Reject reject{};
  };
  Heard heard(const wire::Header& header);

  // ---- timers ----
  LinkChange on_link_timer(core::PeerId peer, bool busy);
  void on_contact_timer(const Timer& timer);
  void on_shuffle_timer(const Timer& timer);

  /// Tells every neighbour the phase that this peer is in now.
  void announce();
  void say_goodbye();

  [[nodiscard]] Link* find(core::PeerId peer);
  [[nodiscard]] const std::map<core::PeerId, Link>& all() const { return links_; }
  /// When a neighbour was last heard to have ended training; nothing while none has.
  [[nodiscard]] std::optional<core::Instant> training_ended() const { return training_ended_; }
  /// Those that are up, ascending.
  [[nodiscard]] const std::vector<core::PeerId>& up() const { return up_; }
  /// The last refusal, if no link is up and every contact has refused this peer.
  [[nodiscard]] std::optional<std::string> refused_by_all() const;
  /// How many edges were forgotten to make room: pointers to edges hold while it stays.
  [[nodiscard]] std::uint64_t edges_forgotten() const { return edges_forgotten_; }
  /// What the last one to refuse this peer said; empty: none did.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  /// Peers that have said Hello and not refused, left or gone.
  [[nodiscard]] std::size_t met() const;
  void send(core::PeerId to, const wire::Body& body, core::Payload payload = nullptr);

 private:
  struct Contact {
    Address address;
    std::uint64_t nonce = 0;
    bool answered = false;
    bool refused = false;
    core::Duration backoff{0};
    TimerSlot timer;
  };
  Link* make(core::PeerId peer, const Address& address);
  void learn(const std::vector<wire::Member>& members);
  [[nodiscard]] std::vector<wire::Member> sample(std::size_t most, core::PeerId except);
  [[nodiscard]] Contact* contact_of(std::uint64_t nonce);
  void greet(std::uint32_t contact);
  /// Why the sender of `hello` is refused, from this side and from its own; nothing: it is not.
  struct Refusal {
    std::string here;
    std::string there;
  };
  std::optional<Refusal> refusal_of(const wire::Header& header, const wire::Hello& hello);
  /// A Hello of a process that is not the newest, or not yet known to be the only one.
  bool turned_away(const wire::Header& header, const wire::Hello& hello, const Address& address);
  void turn_away(const wire::Header& header, const wire::Hello& hello, const Address& address,
                 core::Boot newest, const std::string& why);
  void judge(const wire::Header& header, const wire::Hello& hello);
  void send_hello(const Address& to, core::PeerId dst, std::uint64_t nonce, std::uint64_t echo,
                  bool wants_reply, bool with_members);
  bool introduce(const wire::Header& header, const wire::Hello& hello, const Address& address);
  void challenge(Link& link);
  void ask(core::PeerId peer, Link& link);
  [[nodiscard]] bool may_send(const Link& link) const {
    return link.reached || !shell_.config.keyed();
  }
  void send_resume(core::PeerId peer, Link& link);
  void set_up(core::PeerId peer, Link& link, bool up);
  LinkChange bring_up_if_ready(core::PeerId peer, Link& link);
  void enter(Link& link, Phase phase);
  LinkChange take_down(core::PeerId peer, Link& link, PeerReport::What what);
  void arm(core::PeerId peer, Link& link, core::Duration after);

  Shell& shell_;
  Edges& edges_;
  std::map<core::PeerId, Link> links_;
  core::PeerId found_id_;  // what find() found last: one event asks for one peer several times
  Link* found_ = nullptr;
  std::vector<Contact> contacts_;
  std::string refusal_;
  TimerSlot shuffle_timer_;
  std::vector<core::PeerId> up_;
  std::optional<core::Instant> training_ended_;
  std::uint64_t edges_forgotten_ = 0;
};

}  // namespace murmur::gossip
