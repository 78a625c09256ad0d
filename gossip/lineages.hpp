// Lineages: which draw of parameters this replica descends from, which others were met, and which
// of them yields (docs/protocol.md, "One swarm, one lineage"). Averaging two draws ruins both, so
// peers of two lineages never mix; the peers of the one that yields copy the other's state.
//
// The order is between lineages, not between two peers, else it could run in a circle: a verdict,
// loser and winner, is made once where the two meet, spreads with every Hello, and is never taken
// back. Whoever knows the same verdicts draws the same conclusion from them.
//
// Thread rule: a value.
// Invariant: the verdicts only grow in number, up to kVerdictsMax.
#pragma once

#include <cstdint>
#include <vector>

#include "core/ids.hpp"

namespace murmur::gossip {

/// Of two lineages that met, `loser` yields to `winner`.
struct Verdict {
  core::Lineage loser = 0;
  core::Lineage winner = 0;
  friend auto operator<=>(const Verdict&, const Verdict&) = default;
};

/// More are not believed: who meets so many lineages meets a liar.
inline constexpr std::size_t kVerdictsMax = 64;

class Lineages {
 public:
  /// Zero while this peer has no parameters.
  [[nodiscard]] core::Lineage own() const { return own_; }
  [[nodiscard]] bool is_own(core::Lineage other) const { return own_ != 0 && other == own_; }
  /// The highest step heard of in the own lineage.
  [[nodiscard]] std::uint64_t step() const { return step_; }
  [[nodiscard]] const std::vector<Verdict>& verdicts() const { return verdicts_; }

  /// This peer's parameters are of `lineage` from now on.
  void enter(core::Lineage lineage, std::uint64_t step);
  /// Of `lineage` a step was heard.
  void heard(core::Lineage lineage, std::uint64_t step);
  /// A peer of `other` was met, whose highest step is `step`. True: that made a verdict, which
  /// others should hear of.
  bool met(core::Lineage other, std::uint64_t step);
  /// Another's verdicts. True: one was new.
  bool learn(const std::vector<Verdict>& verdicts);
  /// As a checkpoint remembers it.
  void restore(core::Lineage own, std::uint64_t step, const std::vector<Verdict>& verdicts);

  /// The lineage that `lineage` yields to in the end; itself if to none. Of several that yield to
  /// each other, or that have not met, the lowest.
  [[nodiscard]] core::Lineage heir(core::Lineage lineage) const;
  /// The one that this peer's own yields to; zero if to none.
  [[nodiscard]] core::Lineage sought() const { return sought_; }

 private:
  bool add(Verdict verdict);
  void conclude();

  core::Lineage own_ = 0;
  std::uint64_t step_ = 0;
  core::Lineage sought_ = 0;       // follows from the others
  std::vector<Verdict> verdicts_;  // ascending
};

}  // namespace murmur::gossip
