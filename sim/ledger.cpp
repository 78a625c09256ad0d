#include "sim/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.hpp"
#include "core/rng.hpp"

namespace murmur::sim {
namespace {

std::uint64_t key(Person a, Person b) {
  return (std::uint64_t{std::min(a, b)} << 32 | std::max(a, b)) + 1;  // 0 marks a free slot
}

/// Finds from the end: what is asked for is nearly always the newest.
template <class Entries>
auto find_id(const Entries& entries, core::TransferId id) -> decltype(entries.data()) {
  for (std::size_t i = entries.size(); i-- > 0 && entries[i].id >= id;) {
    if (entries[i].id == id) return &entries[i];
  }
  return nullptr;
}

bool erase_open(Flow& flow, core::TransferId id, bool given) {
  for (Open& open : flow.open) {
    if (open.id != id || open.given != given) continue;
    open = flow.open.back();
    flow.open.pop_back();
    return true;
  }
  return false;
}

}  // namespace

std::string to_string(core::TransferId id) { return fmt::format("({}, {})", id.boot, id.seq); }

const Gave* Flow::find_gave(core::TransferId id) const { return find_id(gave, id); }
bool Flow::has_taken(core::TransferId id) const { return find_id(took, id) != nullptr; }

/// Where `key` is, or would go.
std::size_t Ledger::slot_of(std::uint64_t key) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = core::mix64(key) & mask;
  while (slots_[i].key != 0 && slots_[i].key != key) i = (i + 1) & mask;
  return i;
}

void Ledger::grow() {
  const std::vector<Slot> old = std::move(slots_);
  slots_.assign(old.empty() ? 1024 : old.size() * 2, {});
  for (const Slot& slot : old) {
    if (slot.key != 0) slots_[slot_of(slot.key)] = slot;
  }
}

std::uint32_t Ledger::pair(Person a, Person b) {
  if (2 * (pairs_.size() + 1) > slots_.size()) grow();
  Slot& slot = slots_[slot_of(key(a, b))];
  if (slot.key == 0) {
    slot = {key(a, b), static_cast<std::uint32_t>(pairs_.size())};
    pairs_.emplace_back();
    pairs_.back().low = std::min(a, b);
    pairs_.back().high = std::max(a, b);
  }
  return slot.index;
}

std::int64_t Ledger::find(Person a, Person b) const {
  if (slots_.empty()) return -1;
  const Slot& slot = slots_[slot_of(key(a, b))];
  return slot.key == 0 ? -1 : std::int64_t{slot.index};
}

void Ledger::give(std::uint32_t pair, int direction, const Gave& gave) {
  Flow& flow = pairs_[pair].flow[direction];
  flow.gave.push_back(gave);
  flow.gave_sum += gave.moved;
  if (const Took* took = find_id(flow.took, gave.id)) {
    erase_open(flow, took->id, false);
  } else {
    flow.open.push_back({gave.id, true, gave.moved});
  }
  Journal& notes = journal(pairs_[pair].maker(direction));
  if (notes.on) notes.notes.push_back({pair, static_cast<std::uint8_t>(direction), true});
}

void Ledger::take(std::uint32_t pair, int direction, const Took& took) {
  Flow& flow = pairs_[pair].flow[direction];
  flow.took.push_back(took);
  flow.took_sum += took.moved;
  if (!erase_open(flow, took.id, true)) flow.open.push_back({took.id, false, took.moved});
  Journal& notes = journal(pairs_[pair].taker(direction));
  if (notes.on) notes.notes.push_back({pair, static_cast<std::uint8_t>(direction), false});
}

Ledger::Journal& Ledger::journal(Person person) {
  if (person >= journals_.size()) journals_.resize(person + 1);
  return journals_[person];
}

void Ledger::remember(Person person) { journal(person).on = true; }
void Ledger::kept(Person person) {
  Journal& j = journal(person);
  if (j.marks.empty()) {
    j.notes.erase(j.notes.begin(), j.notes.begin() + static_cast<std::ptrdiff_t>(j.held.newest));
    j.held.newest = 0;
  }
  j.held = {j.held.newest, j.notes.size()};
}
void Ledger::set_final(Person person) { journal(person) = {}; }

void Ledger::roll_back(Person person) {
  Journal& j = journal(person);
  undo(j.notes, j.held.newest);
}

void Ledger::lose_checkpoint(Person person) {
  Journal& j = journal(person);
  undo(j.notes, j.held.before);
  j.held.newest = j.held.before;
}

void Ledger::mark(Person person) {
  Journal& j = journal(person);
  j.marks.push_back(j.held);
}

void Ledger::go_back(Person person, std::size_t ago) {
  Journal& j = journal(person);
  j.marks.resize(j.marks.size() - ago);
  j.held = j.marks.back();
  undo(j.notes, j.held.newest);
}

/// All but the `first` so many.
void Ledger::undo(std::vector<Note>& notes, std::size_t first) {
  for (; notes.size() > first; notes.pop_back()) {
    const Note note = notes.back();
    Flow& flow = pairs_[note.pair].flow[note.direction];
    if (note.gave) {
      const Gave gave = flow.gave.back();
      flow.gave.pop_back();
      flow.gave_sum -= gave.moved;
      if (erase_open(flow, gave.id, true)) continue;
      const Took* took = find_id(flow.took, gave.id);
      CHECK_INVARIANT(took != nullptr);
      flow.open.push_back({gave.id, false, took->moved});
    } else {
      const Took took = flow.took.back();
      flow.took.pop_back();
      flow.took_sum -= took.moved;
      if (erase_open(flow, took.id, false)) continue;
      const Gave* gave = find_id(flow.gave, took.id);
      CHECK_INVARIANT(gave != nullptr);
      flow.open.push_back({took.id, true, gave->moved});
    }
  }
}

void Ledger::compact(std::uint32_t pair) {
  Pair& p = pairs_[pair];
  if (journal(p.low).on || journal(p.high).on) return;
  for (Flow& flow : p.flow) {
    // The newest of each stays: ids must go on rising. So does all from the oldest open entry on.
    // And what may still be in an outbox, though it was taken.
    const std::size_t newest = std::min<std::size_t>(flow.gave.size(), gossip::kWindowMax);
    core::TransferId limit =
        flow.gave.empty() ? core::TransferId{} : flow.gave[flow.gave.size() - newest].id;
    if (flow.took.empty()) continue;
    limit = std::min(limit, flow.took.back().id);
    for (const Open& open : flow.open) limit = std::min(limit, open.id);
    std::erase_if(flow.gave, [limit](const Gave& g) { return g.id < limit; });
    std::erase_if(flow.took, [limit](const Took& t) { return t.id < limit; });
  }
}

bool Ledger::open_holds(const Flow& flow) {
  std::size_t count = 0;
  const auto listed = [&](core::TransferId id, bool given) {
    ++count;
    return std::any_of(flow.open.begin(), flow.open.end(),
                       [&](const Open& open) { return open.id == id && open.given == given; });
  };
  auto gave = flow.gave.begin();
  auto took = flow.took.begin();
  while (gave != flow.gave.end() || took != flow.took.end()) {
    if (took == flow.took.end() || (gave != flow.gave.end() && gave->id < took->id)) {
      if (!listed((gave++)->id, true)) return false;
    } else if (gave == flow.gave.end() || took->id < gave->id) {
      if (!listed((took++)->id, false)) return false;
    } else {
      ++gave;
      ++took;
    }
  }
  return count == flow.open.size();
}

}  // namespace murmur::sim
