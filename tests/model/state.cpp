#include "tests/model/state.hpp"

#include <bit>

#include "core/rng.hpp"

namespace murmur::model {
namespace {

class Hash {
 public:
  void add(std::uint64_t value) { hash_ = core::mix64(hash_ ^ value) + value; }
  template <class Bytes>
  void add_all(const Bytes& bytes) {
    std::uint64_t word = 0;
    int filled = 0;
    for (const auto byte : bytes) {
      word = word << 8 | byte;
      if (++filled % 8 == 0) add(word);
    }
    add(word);
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0x9e3779b97f4a7c15;
};

std::uint64_t pack(std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) {
  return a << 48 | b << 32 | c << 16 | d;
}

void add(Hash& hash, const Kept& kept) {
  const Giving& g = kept.giving;
  hash.add(pack(g.given, g.created, g.pending, g.voided));
  hash.add(pack(g.told_all, g.told_part, g.told_none, g.answered));
  hash.add_all(g.offer);
  const Taking& t = kept.taking;
  hash.add(pack(g.before_from, g.newest_from, t.applied_all, t.applied_part));
  hash.add(pack(t.lost, t.part, t.none, t.taken));
  hash.add_all(t.seen);
  hash.add_all(t.gone);
  hash.add(pack(t.lost_here, t.lost_there, t.not_applied, t.forgotten));
}

}  // namespace

Id first(Ids set) { return set == 0 ? -1 : std::countr_zero(set); }
Id last(Ids set) { return std::bit_width(set) - 1; }
int count(Ids set) { return std::popcount(set); }

Id Taking::highest() const {
  for (int boot = kBootsMax; boot > 0; --boot) {
    if (seen[boot - 1] > 0) return make_id(boot, seen[boot - 1]);
  }
  return -1;
}

std::uint64_t hash(const State& state) {
  Hash hash;
  for (const Peer& p : state.peer) {
    add(hash, p.now);
    add(hash, p.newest);
    add(hash, p.before);
    hash.add(pack(p.alive * 256U + p.boot, p.heard * 256U + p.took, p.resumed * 256U + p.offered,
                  static_cast<unsigned>(p.lane) * 256U + p.in_lane));
    hash.add(pack(p.pending_there, p.queued, 0, state.crashes));
    hash.add_all(p.queued_offer);
  }
  hash.add(pack(state.ever_created[0], state.ever_created[1], state.decided[0], state.decided[1]));
  for (const Message& m : state.net) {
    hash.add(pack(static_cast<unsigned>(m.kind) * 256U + m.from, m.src_boot * 256U + m.dst_boot,
                  m.id * 256U + m.offer, m.settled));
    hash.add(pack(m.first, m.second, m.third, 0));
  }
  return hash.value() == 0 ? 1 : hash.value();
}

}  // namespace murmur::model
