#include "tests/model/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>

#include "tests/model/books.hpp"
#include "tests/model/play.hpp"

namespace murmur::model {
namespace {

/// Hashes of the states seen, and their numbers: open addressing, as there are millions.
class Seen {
 public:
  /// The number that `hash` has, or `next`, which it gets.
  std::uint32_t number(std::uint64_t hash, std::uint32_t next) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    Slot& slot = slots_[find(hash)];
    if (slot.hash == 0) {
      slot = {hash, next};
      ++count_;
    }
    return slot.number;
  }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t number = 0;
  };
  [[nodiscard]] std::size_t find(std::uint64_t hash) const {
    std::size_t i = hash & (slots_.size() - 1);
    while (slots_[i].hash != 0 && slots_[i].hash != hash) i = (i + 1) & (slots_.size() - 1);
    return i;
  }
  void grow() {
    const std::vector<Slot> old = std::move(slots_);
    slots_.assign(std::max<std::size_t>(1024, 2 * old.size()), {});
    for (const Slot& slot : old) {
      if (slot.hash != 0) slots_[find(slot.hash)] = slot;
    }
  }
  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

std::string words(const Message& m) {
  const int to = 1 - m.from;
  const auto id = [&] { return fmt::format("({}, {})", boot_of(m.id), seq_of(m.id)); };
  switch (m.kind) {
    case Kind::kOffer:
      return fmt::format("{} gets offer {}", to, m.offer);
    case Kind::kTransfer:
      return fmt::format("{} gets transfer {}", to, id());
    case Kind::kVoid:
      return fmt::format("{} gets Void {}", to, id());
    case Kind::kReceipt:
      return fmt::format("{} gets the receipt up to {}: {:x} whole, {:x} in part, {:x} not", to,
                         id(), m.first, m.second, m.third);
    default:
      return fmt::format("{} gets the Resume of boot {}: {:x} created, {:x} pending", to,
                         m.src_boot, m.first, m.second);
  }
}

/// What comes after one state.
class Steps {
 public:
  Steps(const Setup& setup, Mutant mutant, const State& from)
      : setup_(setup), mutant_(mutant), from_(from) {}

  /// `found(next, violation, label)`; the label is made by calling it.
  template <class Found>
  void each(const Found& found) const {
    const auto attempt = [&](auto&& step, auto&& label) {
      State next = from_;
      Play play(setup_, mutant_, next);
      if (!step(play)) return;
      play.tidy();
      found(next, play.violation(), label);
    };
    for (const Message& m : from_.net) {
      attempt([&](Play& p) { return p.deliver(m); }, [&] { return words(m); });
    }
    for (int who = 0; who < 2; ++who) {
      const auto says = [who](std::string_view what) {
        return [who, what] { return fmt::format("{} {}", who, what); };
      };
      attempt([&](Play& p) { return p.end_serve(who); }, says("has served, and gives"));
      attempt([&](Play& p) { return p.begin_take(who); }, says("begins to take"));
      attempt([&](Play& p) { return p.end_take(who, Share::kAll); }, says("has taken all"));
      if (setup_.shares) {
        attempt([&](Play& p) { return p.end_take(who, Share::kPart); }, says("has taken a part"));
      }
      if (setup_.refusals) {
        attempt([&](Play& p) { return p.end_take(who, Share::kNone); }, says("refuses it"));
      }
      for (int boot = 1; boot <= from_.peer[1 - who].boot; ++boot) {
        attempt([&](Play& p) { return p.hear(who, boot); },
                [&] { return fmt::format("{} hears of boot {}", who, boot); });
      }
      attempt([&](Play& p) { return p.send_resume(who); }, says("sends a Resume"));
      attempt([&](Play& p) { return p.send_pending(who); }, says("sends what is pending"));
      if (who == 1 || setup_.both_ways) {
        attempt([&](Play& p) { return p.make_offer(who); }, says("offers"));
      }
      attempt([&](Play& p) { return p.save(who); }, says("saves"));
      attempt([&](Play& p) { return p.crash(who, false); }, says("crashes and starts again"));
      if (setup_.torn) {
        attempt([&](Play& p) { return p.crash(who, true); },
                says("crashes and starts again from the checkpoint before the newest"));
      }
      if (setup_.deaths) attempt([&](Play& p) { return p.die(who); }, says("dies"));
      for (Id id = 0; id < kIds; ++id) {
        const auto of = [who, id](std::string_view what) {
          return [=] { return fmt::format("{} {} ({}, {})", who, what, boot_of(id), seq_of(id)); };
        };
        if (setup_.voids) {
          attempt([&](Play& p) { return p.drop_payload(who, id); }, of("drops the payload of"));
        }
        if (mutant_ == Mutant::kTimeoutUndoes) {
          attempt([&](Play& p) { return p.undo(who, id); }, of("undoes"));
        }
      }
    }
  }

 private:
  const Setup& setup_;
  Mutant mutant_;
  const State& from_;
};

class Search {
 public:
  Search(const Setup& setup, Mutant mutant) : setup_(setup), mutant_(mutant) {}

  Verdict run(std::uint64_t states_max) {
    add(State{}, 0);
    for (std::uint32_t at = 0; !frontier_.empty() && verdict_.violation.empty(); ++at) {
      if (parents_.size() > states_max) {
        verdict_.complete = false;
        break;
      }
      const State state = std::move(frontier_.front());
      frontier_.pop_front();
      Steps(setup_, mutant_, state).each([&](const State& next, const char* violation, auto&) {
        ++verdict_.steps;
        if (!verdict_.violation.empty()) return;
        const std::uint32_t number = add(next, at);
        if (violation != nullptr) fail(violation, at, number);
      });
    }
    verdict_.states = parents_.size();
    return std::move(verdict_);
  }

 private:
  std::uint32_t add(const State& state, std::uint32_t parent) {
    const auto next = static_cast<std::uint32_t>(parents_.size());
    const std::uint64_t h = hash(state);
    const std::uint32_t number = seen_.number(h, next);
    if (number != next) return number;
    parents_.push_back(parent);
    hashes_.push_back(h);
    frontier_.push_back(state);
    const char* wrong = check_books(state);
    if (wrong == nullptr) wrong = check_settles(setup_, mutant_, state);
    if (wrong != nullptr) fail(wrong, parent, next);
    return number;
  }

  void fail(const char* what, std::uint32_t parent, std::uint32_t number) {
    verdict_.violation = what;
    std::vector<std::uint32_t> path{number};
    for (std::uint32_t at = parent; at != 0; at = parents_[at]) path.push_back(at);
    State state;
    for (auto step = path.rbegin(); step != path.rend(); ++step) {
      bool found = false;
      State reached;
      Steps(setup_, mutant_, state).each([&](const State& next, const char*, auto& label) {
        if (found || hash(next) != hashes_[*step]) return;
        found = true;
        reached = next;
        verdict_.trace.push_back(label());
      });
      state = reached;
    }
  }

  const Setup& setup_;
  Mutant mutant_;
  Verdict verdict_;
  Seen seen_;
  std::vector<std::uint32_t> parents_;
  std::vector<std::uint64_t> hashes_;
  std::deque<State> frontier_;
};

}  // namespace

Verdict search(const Setup& setup, Mutant mutant, std::uint64_t states_max) {
  return Search(setup, mutant).run(states_max);
}

}  // namespace murmur::model
