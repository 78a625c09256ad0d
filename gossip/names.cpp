#include <array>

#include "gossip/counters.hpp"
#include "gossip/effects.hpp"

namespace murmur::gossip {

std::string_view to_string(Phase phase) {
  static constexpr std::array<std::string_view, 5> kNames{"joining", "training", "settling",
                                                          "lingering", "done"};
  return kNames.at(static_cast<std::size_t>(phase));
}

std::string_view to_string(PeerReport::What what) {
  static constexpr std::array<std::string_view, 9> kNames{
      "up", "silent", "left", "distrusted", "shunned", "refused", "refused us", "differs", "lost"};
  return kNames.at(static_cast<std::size_t>(what));
}

std::string_view to_string(Reject reason) {
  static constexpr std::array<std::string_view, kRejectCount> kNames{
      "frames",    "size",    "magic",     "version",    "type",        "swarm", "schema",
      "forged",    "lineage", "addressee", "stale boot", "checksum",    "field", "unproven",
      "unresumed", "unknown", "shape",     "unasked",    "out of turn", "claim", "flood"};
  return kNames.at(static_cast<std::size_t>(reason));
}

}  // namespace murmur::gossip
