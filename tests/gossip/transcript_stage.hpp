// Where a transcript is played: a few machines whose clock, network and lanes stand still until a
// command moves them. So every message can be lost, repeated or brought before another at will.
//
// The commands (NAME is one letter, a to f; MESSAGES is "x->y", a type as docs/protocol.md has it,
// both, or nothing, which is all: every message in flight that fits, oldest first, and at least
// one):
//   peer NAME [KEY=VALUE...]   starts a peer. Its replica is the one parameter x; join=NAME makes
//                              it a newcomer; bound=N is of the staleness policy `bounded`; the
//                              other keys are fields of gossip::Config
//   connect NAME NAME...       plays what there is to play, unprinted and at this moment, until
//                              these are up with each other and all train
//   work NAME [TIMES]          finishes what its lane holds
//   deliver [MESSAGES]         hands them over
//   drop [MESSAGES]            loses them
//   duplicate [MESSAGES]       puts a second of each behind all in flight
//   alter MESSAGES shard=N     changes the shard that an Offer or a Transfer names
//   advance DURATION           moves the clock: timers fire in their order, nothing else happens
//   set NAME VALUE             gives its parameter that value, as if trained to it
//   crash NAME                 kills it, and what was on its way to it
//   restart NAME               starts it again, from its newest checkpoint
//   stop NAME                  asks it to end
//   show                       where each peer stands, and the sum that the exchanges must keep
// What they print, in order:
//   x -> y MESSAGE             x sends it, and it is in flight
//   y <- x TITLE               y is handed it; ", not taken: REASON" if it counts it as rejected
//   x begins WORK              its lane holds this now
//   x reports REPORT           what a person reads of it
//   at TIME                    the timers that fire then bring the lines that follow
//   cannot: REASON             the command is none, or there is nothing to do it to
// A timer that is due at once fires at once.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/gossip/pair.hpp"

namespace murmur::gossip::test {

class Stage {
 public:
  /// Does one command and says what came of it, a line each.
  std::vector<std::string> play(const std::string& command);

 private:
  using Args = std::vector<std::string>;
  using Done = core::Result<void>;

  struct Member {
    Peer peer;
    std::optional<Work> lane;
  };
  struct Letter {
    std::string from;
    std::string to;
    wire::Header header;
    wire::Body body;
    Received message;
  };
  struct Selection {
    std::string from;
    std::string to;
    std::optional<wire::Type> type;
    [[nodiscard]] bool fits(const Letter& letter) const;
  };

  Done dispatch(Args words);
  Done add_peer(const Args& args);
  Done connect(const Args& args);
  Done work(const Args& args);
  Done deliver(const Args& args);
  Done drop(const Args& args);
  Done duplicate(const Args& args);
  Done alter(const Args& args);
  Done advance(const Args& args);
  Done set(const Args& args);
  Done crash(const Args& args);
  Done restart(const Args& args);
  Done stop(const Args& args);
  Done show(const Args& args);

  core::Result<Member*> find(const Args& args, bool alive);
  static core::Result<Selection> select(const Args& args);
  core::Result<std::deque<Letter>> take_out(const Args& args);
  void hand_over(Letter letter);
  Done finish(const std::string& name);
  void work_towards_training(const Args& names);
  [[nodiscard]] bool connected(const Args& names) const;
  void carry_out(const std::string& name);
  void fire_due();
  [[nodiscard]] std::optional<core::Instant> next_deadline() const;
  void say(std::string line) { lines_.push_back(std::move(line)); }

  std::map<std::string, Member> members_;
  std::deque<Letter> flight_;
  core::Instant now_{};
  core::BufferPool pool_;
  std::vector<std::string> lines_;  // of the command that is being done
};

}  // namespace murmur::gossip::test
