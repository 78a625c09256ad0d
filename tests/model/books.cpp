#include "tests/model/books.hpp"

#include "tests/model/play.hpp"

namespace murmur::model {
namespace {

bool both_alive(const State& state) { return state.peer[0].alive != 0 && state.peer[1].alive != 0; }

/// What only one side holds and is not on its way is what the taker's counters say, once it has
/// taken the Resume of the maker's present boot.
const char* check_edge(const Peer& maker, const Peer& taker) {
  const Giving& giving = maker.now.giving;
  const Taking& taking = taker.now.taking;
  const Ids applied = taking.applied_all | taking.applied_part;
  if (taker.took == 0 || taker.heard != maker.boot) return nullptr;
  int left = 0;
  for (Id id = 0; id < kIds; ++id) {
    if (has(applied, id) && !has(giving.given, id)) --left;
    if (!has(giving.given, id) || has(applied, id)) continue;
    const bool decided = id <= taking.highest();
    if (!decided && has(giving.pending, id)) continue;  // on its way
    if (!decided) return "a transfer was given, is in no outbox, and is not decided";
    ++left;
  }
  return left == taking.lost_here + taking.not_applied - taking.lost_there
             ? nullptr
             : "given less taken is not what the counters say";
}

const char* check_verdicts(const Peer& maker, const Peer& taker) {
  const Giving& giving = maker.now.giving;
  const Taking& taking = taker.now.taking;
  if (giving.pending != 0) return "a transfer is never receipted";
  for (Id id = 0; id < kIds; ++id) {
    if (!has(giving.given, id) || has(taking.lost, id)) continue;
    const Ids told = has(taking.applied_all, id)    ? giving.told_all
                     : has(taking.applied_part, id) ? giving.told_part
                                                    : giving.told_none;
    if (!has(told, id)) return "the two sides have two verdicts of a transfer";
  }
  return nullptr;
}

}  // namespace

const char* check_books(const State& state) {
  if (!both_alive(state)) return nullptr;
  const char* wrong = check_edge(state.peer[0], state.peer[1]);
  return wrong != nullptr ? wrong : check_edge(state.peer[1], state.peer[0]);
}

const char* check_settles(const Setup& setup, Mutant mutant, State state) {
  if (!both_alive(state)) return nullptr;
  state.net.clear();
  Play play(setup, mutant, state);
  for (int round = 0; round < 12; ++round) {
    for (int who = 0; who < 2; ++who) {
      play.hear(who, state.peer[1 - who].boot);
      play.end_serve(who);
      play.end_take(who, Share::kAll);
      while (play.begin_take(who)) play.end_take(who, Share::kAll);
      if (state.peer[who].took == 0 || state.peer[1 - who].took == 0) play.send_resume(who);
      play.send_pending(who);
      play.tidy();
      std::vector<Message> arriving;
      arriving.swap(state.net);
      for (const Message& message : arriving) play.deliver(message);
    }
  }
  if (play.violation() != nullptr) return play.violation();
  if (const char* wrong = check_books(state)) return wrong;
  for (int who = 0; who < 2; ++who) {
    if (state.peer[who].took == 0) return "the two sides never take each other's Resume";
    if (const char* wrong = check_verdicts(state.peer[who], state.peer[1 - who])) return wrong;
  }
  return nullptr;
}

}  // namespace murmur::model
