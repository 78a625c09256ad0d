// Conduct: how those behave whose key shows who they are. Each has an allowance of messages, which
// fills again over time; what no honest peer sends adds to its score, and the higher that is, the
// more slowly the allowance fills: it is answered more slowly. Past a bound it is to be shunned,
// for a time that doubles with each. A score halves every Config::forgive_every. (The shape is that
// of gossipsub's peer scores; without keys anybody could be slandered, so there are none.)
//
// Thread rule: the machine's. Limits: Config::known_max() are remembered; who was heard longest ago
// gives way.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/ids.hpp"
#include "core/time.hpp"
#include "gossip/config.hpp"
#include "gossip/counters.hpp"
#include "gossip/wire.hpp"

namespace murmur::gossip {

class Conduct {
 public:
  explicit Conduct(const Config& config) : config_(config) {}

  /// Whether a message of `peer` is looked at at all. Some count twice, as there is an allowance of
  /// those, too: a Hello, which is answered with one that is larger, and what keeps up a link.
  bool admits(core::Instant now, core::PeerId peer, wire::Type type);
  /// Whether an offer of `peer` is, which has made many in vain; and that this was one more.
  bool admits_offer(core::Instant now, core::PeerId peer);
  void offered_in_vain(core::Instant now, core::PeerId peer) { of(now, peer).vain_offers += 1; }

  /// Whether a piece of the own state is given to `peer`, of so many: it costs much more than it
  /// takes to ask for it.
  bool serves(core::Instant now, core::PeerId peer, std::uint64_t chunks);

  struct Shun {
    core::Duration lasting{0};
    std::string why;
  };
  /// A message of `peer` was dropped. What to do if that was one too many.
  std::optional<Shun> dropped(core::Instant now, core::PeerId peer, Reject reason);

  /// Its proof of membership was right.
  void prove(core::Instant now, core::PeerId peer) { of(now, peer).proved = true; }
  [[nodiscard]] bool proved(core::PeerId peer) const;
  [[nodiscard]] std::size_t size() const { return known_.size(); }
  [[nodiscard]] double score(core::Instant now, core::PeerId peer) const;

 private:
  struct Known {
    bool proved = false;
    bool hello = false;  ///< what was admitted last
    core::Instant heard{};
    double messages = 0;  ///< of the allowance, used...
    double hellos = 0;
    double upkeep = 0;
    double vain_offers = 0;
    double states = 0;
    double score = 0;  ///< ...as of `heard`
    int times_shunned = 0;
  };
  Known& of(core::Instant now, core::PeerId peer);
  [[nodiscard]] double faded(const Known& known, core::Instant now) const;

  const Config& config_;
  std::map<core::PeerId, Known> known_;
};

}  // namespace murmur::gossip
