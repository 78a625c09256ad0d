// The ledger: which transfers each replica really holds, as the simulator saw them applied. It is
// never told by the code under test: an entry is made when a Respond or an Absorb has changed a
// replica, and undone when a crash rolls that replica back to its checkpoint.
//
// Thread rule: one thread.
// Invariant: `open` of a flow lists, in no order, exactly the ids that one side holds and the other
// does not; everything else given has been taken.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/time.hpp"
#include "gossip/edge.hpp"

namespace murmur::sim {

/// An identity (PeerId) by number, in the order in which they came to be.
using Person = std::uint32_t;

/// "(boot, seq)"
std::string to_string(core::TransferId id);

/// The offer that led to a transfer, as its maker really made it.
struct OfferMade {
  bool known = false;
  std::uint32_t incarnation = 0;
  std::uint64_t number = 0;   ///< how many works of this kind the person finished before
  std::uint64_t trained = 0;  ///< steps taken until then
  std::int64_t at_ns = 0;     ///< when the work was begun
  core::Lineage lineage = 0;  ///< of the parameters
};

struct Gave {
  core::TransferId id;
  core::Duration at{0};
  float weight = 0;
  std::uint32_t crc = 0;  ///< of the payload
  double moved = 0;       ///< what applying it did to the maker's probe
  double slack = 0;       ///< rounding allowed in that
  OfferMade offer;
  core::Lineage lineage = 0;  ///< of the maker's parameters
};

struct Took {
  core::TransferId id;
  double moved = 0;
};

struct Open {
  core::TransferId id;
  bool given = false;  ///< held by the maker only; else by the taker only
  double moved = 0;    ///< by the side that holds it
};

/// One directed edge: from the maker of transfers to their taker.
struct Flow {
  std::vector<Gave> gave;  ///< ids rise
  std::vector<Took> took;  ///< ids rise
  std::vector<Open> open;
  core::OfferId answered;  ///< the taker's newest that the maker ever answered with a transfer
  double gave_sum = 0;     ///< of moved, over all ever given and not rolled back
  double took_sum = 0;

  [[nodiscard]] const Gave* find_gave(core::TransferId id) const;
  [[nodiscard]] bool has_taken(core::TransferId id) const;
};

struct Pair {
  Person low = 0;
  Person high = 0;
  Flow flow[2];  ///< [0]: low gives to high
  core::Boot agreed[2] =
      {};  ///< [0]: the boot of high whose Resume low has taken, for its own boot
  /// What a machine remembers of the other side, and when that was looked up: it stays where it is
  /// while the person's edges are of that epoch (Checker::PersonState).
  struct Remembered {
    const gossip::Edge* edge = nullptr;  ///< null: nothing yet
    std::uint64_t epoch = 0;
  };
  Remembered edge[2];  ///< [0]: of low's machine
  /// Since when the two are up with each other with parameters of two draws; zero: they are not.
  core::Duration differ_since{0};
  [[nodiscard]] Person maker(int direction) const { return direction == 0 ? low : high; }
  [[nodiscard]] Person taker(int direction) const { return direction == 0 ? high : low; }
  [[nodiscard]] int direction_from(Person maker) const { return maker == low ? 0 : 1; }
};

class Ledger {
 public:
  /// The pair's index, made on first use.
  std::uint32_t pair(Person a, Person b);
  /// The pair's index, or -1.
  [[nodiscard]] std::int64_t find(Person a, Person b) const;
  [[nodiscard]] std::vector<Pair>& pairs() { return pairs_; }
  [[nodiscard]] Pair& at(std::uint32_t index) { return pairs_[index]; }

  void give(std::uint32_t pair, int direction, const Gave& gave);
  void take(std::uint32_t pair, int direction, const Took& took);

  /// From now on what `person` does can be undone, until it is kept.
  void remember(Person person);
  /// A checkpoint holds everything that `person` did so far.
  void kept(Person person);
  /// `person` lost what it did since the newest checkpoint.
  void roll_back(Person person);
  /// ...and that checkpoint: it goes on from the one before, or from its start.
  void lose_checkpoint(Person person);
  /// What `person` keeps now can be gone back to, until it is final.
  void mark(Person person);
  /// `person`, rolled back, goes on from the mark made `ago` before the last, and forgets those
  /// after it.
  void go_back(Person person, std::size_t ago);
  /// Forgets what is settled between two persons of whom neither can be rolled back.
  void compact(std::uint32_t pair);
  /// `person` will not be rolled back any more.
  void set_final(Person person);

  /// Whether the open entries of a flow are those worked out from scratch.
  [[nodiscard]] static bool open_holds(const Flow& flow);

 private:
  struct Note {
    std::uint32_t pair = 0;
    std::uint8_t direction = 0;
    bool gave = false;
  };
  struct Journal {
    bool on = false;
    /// Of `notes`, how many the two newest checkpoints hold.
    struct Held {
      std::size_t before = 0;
      std::size_t newest = 0;
    };
    std::vector<Note> notes;  ///< since the last checkpoint but one, or the first mark
    Held held;
    std::vector<Held> marks;
  };
  void undo(std::vector<Note>& notes, std::size_t first);
  Journal& journal(Person person);

  std::vector<Pair> pairs_;
  // Open addressing, as this is looked up at every event: the key (0: free) and the pair's index.
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t index = 0;
  };
  [[nodiscard]] std::size_t slot_of(std::uint64_t key) const;
  void grow();
  std::vector<Slot> slots_;
  std::vector<Journal> journals_;
};

}  // namespace murmur::sim
