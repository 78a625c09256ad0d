#include "gossip/conduct.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace murmur::gossip {
namespace {

constexpr int kShunDoublesMax = 4;

bool is_upkeep(wire::Type type) {
  switch (type) {
    case wire::Type::kRefuse:
    case wire::Type::kResume:
    case wire::Type::kVoid:
    case wire::Type::kPing:
    case wire::Type::kPong:
    case wire::Type::kBye:
      return true;
    default:
      return false;
  }
}

/// What an honest peer never causes, whatever is lost, late or restarted.
bool is_misconduct(Reject reason) {
  switch (reason) {
    case Reject::kFrames:
    case Reject::kSize:
    case Reject::kMagic:
    case Reject::kType:
    case Reject::kForged:
    case Reject::kChecksum:
    case Reject::kField:
    case Reject::kShape:
    case Reject::kUnasked:
    case Reject::kClaim:
    case Reject::kFlood:
      return true;
    default:
      return false;
  }
}

}  // namespace

double Conduct::faded(const Known& known, core::Instant now) const {
  return known.score *
         std::exp2(-core::seconds(now - known.heard) / core::seconds(config_.forgive_every));
}

/// Brought up to `now`.
Conduct::Known& Conduct::of(core::Instant now, core::PeerId peer) {
  if (!known_.contains(peer) && known_.size() >= config_.known_max()) {
    known_.erase(std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) {
      return a.second.heard < b.second.heard;
    }));
  }
  Known& known = known_[peer];
  known.score = faded(known, now);
  const double seconds = core::seconds(now - known.heard);
  const double filled = seconds * std::exp2(-known.score / config_.score_halves);
  const auto fill = [filled](double& used, double a_second) {
    used = std::max(0.0, used - filled * a_second);
  };
  fill(known.messages, config_.messages_a_second);
  fill(known.hellos, config_.hellos_a_second);
  fill(known.upkeep, config_.upkeep_a_second);
  fill(known.vain_offers, config_.vain_offers_a_second);
  fill(known.states, 1 / core::seconds(config_.state_every));
  known.heard = now;
  return known;
}

bool Conduct::admits(core::Instant now, core::PeerId peer, wire::Type type) {
  Known& known = of(now, peer);
  const bool hello = type == wire::Type::kHello;
  const bool upkeep = is_upkeep(type);
  if (known.messages + 1 > config_.messages_at_once) return false;
  if (hello && known.hellos + 1 > config_.hellos_at_once) return false;
  if (upkeep && known.upkeep + 1 > config_.upkeep_at_once) return false;
  known.hello = hello;
  known.messages += 1;
  known.hellos += hello ? 1 : 0;
  known.upkeep += upkeep ? 1 : 0;
  return true;
}

bool Conduct::admits_offer(core::Instant now, core::PeerId peer) {
  return of(now, peer).vain_offers + 1 <= config_.vain_offers_at_once;
}

bool Conduct::serves(core::Instant now, core::PeerId peer, std::uint64_t chunks) {
  Known& known = of(now, peer);
  const double one = 1 / static_cast<double>(chunks);
  if (known.states + one > config_.states_at_once) return false;
  known.states += one;
  return true;
}

std::optional<Conduct::Shun> Conduct::dropped(core::Instant now, core::PeerId peer, Reject reason) {
  if (!is_misconduct(reason)) return std::nullopt;
  Known& known = of(now, peer);
  const double bad = known.hello ? config_.score_of_hello : 1;
  known.score += reason == Reject::kFlood ? config_.score_of_flood : bad;
  if (known.score < config_.score_max) return std::nullopt;
  known.score = 0;
  const int doubled = std::min(known.times_shunned++, kShunDoublesMax);
  return Shun{config_.shun * (1 << doubled),
              fmt::format("it sends what no honest peer does, the last: {}", to_string(reason))};
}

bool Conduct::proved(core::PeerId peer) const {
  const auto known = known_.find(peer);
  return known != known_.end() && known->second.proved;
}

double Conduct::score(core::Instant now, core::PeerId peer) const {
  const auto known = known_.find(peer);
  return known == known_.end() ? 0 : faded(known->second, now);
}

}  // namespace murmur::gossip
