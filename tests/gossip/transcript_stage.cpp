#include "tests/gossip/transcript_stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "core/duration.hpp"
#include "tests/gossip/transcript_words.hpp"

namespace murmur::gossip::test {
namespace {

constexpr std::size_t kPayloadMax = std::size_t{1} << 20;
constexpr core::Duration kStepTime = std::chrono::milliseconds(1);  // as the lane measures it
constexpr std::uint32_t kNever = 1'000'000;                         // steps
constexpr int kRoundsMax = 50;                                      // of connect

std::string address_of(const std::string& name) { return name + ":1"; }

std::optional<double> parse_number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') return std::nullopt;
  return value;
}

std::pair<std::string, std::string> split(const std::string& text, const std::string& at) {
  const auto found = text.find(at);
  if (found == std::string::npos) return {text, ""};
  return {text.substr(0, found), text.substr(found + at.size())};
}

bool is_name(const std::string& text) {
  return text.size() == 1 && text.front() >= 'a' && text.front() <= 'f';
}

/// Sets one field of a peer that is not started yet.
core::Result<void> configure(Peer& peer, const std::string& key, const std::string& value) {
  Config& config = peer.config;
  if (key == "join") {
    config.join = {address_of(value)};
    return {};
  }
  const std::map<std::string, core::Duration*> durations{{"save_every", &config.save_every},
                                                         {"ping_every", &config.ping_every},
                                                         {"settle_max", &config.settle_max},
                                                         {"linger", &config.linger}};
  if (const auto found = durations.find(key); found != durations.end()) {
    const auto duration = core::parse_duration(value);
    if (!duration) return tl::make_unexpected(duration.error());
    *found->second = *duration;
    return {};
  }
  const auto number = parse_number(value);
  if (!number) return core::fail("not a number: " + value);
  if (key == "x") {
    peer.replica->x = static_cast<float>(*number);
  } else if (key == "bound") {
    config.staleness.kind = StalenessPolicy::Kind::kBounded;
    config.staleness.bound = static_cast<std::uint64_t>(*number);
  } else if (key == "exchange_every") {
    config.exchange_every = static_cast<std::uint32_t>(*number);
  } else if (key == "state_chunk") {
    config.state_chunk = static_cast<std::size_t>(*number);
  } else if (key == "outbox_unreachable_max") {
    config.outbox_unreachable_max = static_cast<std::size_t>(*number);
  } else {
    return core::fail("no such key: " + key);
  }
  return {};
}

}  // namespace

std::vector<std::string> Stage::play(const std::string& command) {
  std::istringstream in(command);
  lines_.clear();
  const Done done = dispatch({std::istream_iterator<std::string>(in), {}});
  fire_due();
  if (!done) say("cannot: " + done.error().message);
  return std::move(lines_);
}

Stage::Done Stage::dispatch(Args words) {
  static const std::map<std::string, Done (Stage::*)(const Args&)> commands{
      {"peer", &Stage::add_peer},   {"connect", &Stage::connect}, {"work", &Stage::work},
      {"deliver", &Stage::deliver}, {"drop", &Stage::drop},       {"duplicate", &Stage::duplicate},
      {"alter", &Stage::alter},     {"advance", &Stage::advance}, {"set", &Stage::set},
      {"crash", &Stage::crash},     {"restart", &Stage::restart}, {"stop", &Stage::stop},
      {"show", &Stage::show}};
  if (words.empty()) return core::fail("no command");
  const auto found = commands.find(words.front());
  if (found == commands.end()) return core::fail("no such command: " + words.front());
  words.erase(words.begin());
  return (this->*found->second)(words);
}

// ---- peers -----------------------------------------------------------------------------------

core::Result<Stage::Member*> Stage::find(const Args& args, bool alive) {
  const auto found = args.empty() ? members_.end() : members_.find(args.front());
  if (found == members_.end()) return core::fail("there is no such peer");
  if (found->second.peer.dead == alive) return core::fail(alive ? "it is down" : "it is not down");
  return &found->second;
}

Stage::Done Stage::add_peer(const Args& args) {
  if (args.empty() || !is_name(args.front())) return core::fail("a peer's name is a letter a to f");
  const std::string& name = args.front();
  Config config;
  config.advertise = address_of(name);
  config.exchange_every = kNever;
  config.eval_every = kNever;
  Peer peer(0, std::move(config), "quadratic:1");
  for (std::size_t i = 1; i < args.size(); ++i) {
    const auto [key, value] = split(args[i], "=");
    if (auto done = configure(peer, key, value); !done) return done;
  }
  const auto [at, is_new] = members_.try_emplace(name, Member{std::move(peer), {}});
  if (!is_new) return core::fail("there is a peer of that name");
  at->second.peer.start(now_, id_of(name.front()), static_cast<std::uint64_t>(name.front()), false);
  carry_out(name);
  return {};
}

Stage::Done Stage::set(const Args& args) {
  const auto member = find(args, true);
  if (!member) return tl::make_unexpected(member.error());
  const auto value = args.size() == 2 ? parse_number(args[1]) : std::nullopt;
  if (!value) return core::fail("set NAME VALUE");
  (*member)->peer.replica->x = static_cast<float>(*value);
  return {};
}

Stage::Done Stage::crash(const Args& args) {
  const auto member = find(args, true);
  if (!member) return tl::make_unexpected(member.error());
  (*member)->peer.dead = true;
  (*member)->lane.reset();
  std::erase_if(flight_, [&](const Letter& letter) {
    if (letter.to != args.front()) return false;
    say(fmt::format("lost: {} -> {} {}", letter.from, letter.to, title(letter.body)));
    return true;
  });
  return {};
}

Stage::Done Stage::restart(const Args& args) {
  const auto member = find(args, false);
  if (!member) return tl::make_unexpected(member.error());
  Peer& peer = (*member)->peer;
  const auto checkpoint = peer.storage.load();
  if (!checkpoint || !*checkpoint) return core::fail("it has not saved anything");
  const char name = args.front().front();
  peer.start(now_, id_of(name), static_cast<std::uint64_t>(name), true);
  carry_out(args.front());
  return {};
}

Stage::Done Stage::stop(const Args& args) {
  const auto member = find(args, true);
  if (!member) return tl::make_unexpected(member.error());
  (*member)->peer.machine->handle(now_, Stop{});
  carry_out(args.front());
  return {};
}

Stage::Done Stage::show(const Args&) {
  double sum = 0;
  for (const auto& [name, member] : members_) {
    for (std::string& line : standing(name, member.peer)) say(std::move(line));
    if (!member.peer.dead) sum += member.peer.replica->x;
  }
  say(fmt::format("sum of x: {:g}", sum));
  return {};
}

// ---- the lanes -------------------------------------------------------------------------------

Stage::Done Stage::finish(const std::string& name) {
  auto& [peer, lane] = members_.at(name);
  if (peer.dead || !lane) return core::fail("its lane is free");
  const auto* const train = std::get_if<Train>(&*lane);
  const core::Duration took = kStepTime * (train == nullptr ? 1 : train->steps);
  WorkResult result =
      perform(*std::exchange(lane, std::nullopt), *peer.replica, peer.storage, pool_);
  peer.machine->handle(now_, WorkDone{std::move(result), took});
  carry_out(name);
  return {};
}

Stage::Done Stage::work(const Args& args) {
  if (const auto member = find(args, true); !member) return tl::make_unexpected(member.error());
  const auto times = args.size() > 1 ? parse_number(args[1]) : 1;
  if (!times) return core::fail("work NAME [TIMES]");
  for (int i = 0; i < *times; ++i) {
    if (auto done = finish(args.front()); !done) return done;
  }
  return {};
}

// ---- messages --------------------------------------------------------------------------------

bool Stage::Selection::fits(const Letter& letter) const {
  return (from.empty() || (from == letter.from && to == letter.to)) &&
         (!type || *type == letter.header.type);
}

core::Result<Stage::Selection> Stage::select(const Args& args) {
  Selection selection;
  for (const std::string& arg : args) {
    if (arg.find("->") != std::string::npos) {
      std::tie(selection.from, selection.to) = split(arg, "->");
    } else if (selection.type = parse_type(arg); !selection.type) {
      return core::fail("neither x->y nor a type of message: " + arg);
    }
  }
  return selection;
}

core::Result<std::deque<Stage::Letter>> Stage::take_out(const Args& args) {
  const auto selection = select(args);
  if (!selection) return tl::make_unexpected(selection.error());
  std::deque<Letter> chosen;
  std::deque<Letter> others;
  for (Letter& letter : flight_) {
    (selection->fits(letter) ? chosen : others).push_back(std::move(letter));
  }
  flight_ = std::move(others);
  if (chosen.empty()) return core::fail("no such message is in flight");
  return chosen;
}

void Stage::hand_over(Letter letter) {
  const auto found = members_.find(letter.to);
  if (found == members_.end() || found->second.peer.dead) {
    return say(fmt::format("lost: {} -> {} {}", letter.from, letter.to, title(letter.body)));
  }
  Machine& machine = *found->second.peer.machine;
  std::string line = fmt::format("{} <- {} {}", letter.to, letter.from, title(letter.body));
  if (machine.phase() == Phase::kDone) line += ", not taken: it is done";
  const auto before = machine.counters().rejected;
  machine.handle(now_, std::move(letter.message));
  const auto& after = machine.counters().rejected;
  const auto reason = std::mismatch(before.begin(), before.end(), after.begin()).first;
  if (reason != before.end()) {
    line += fmt::format(", not taken: {}", to_string(static_cast<Reject>(reason - before.begin())));
  }
  say(std::move(line));
  carry_out(letter.to);
  fire_due();
}

Stage::Done Stage::deliver(const Args& args) {
  auto letters = take_out(args);
  if (!letters) return tl::make_unexpected(letters.error());
  for (Letter& letter : *letters) hand_over(std::move(letter));
  return {};
}

Stage::Done Stage::drop(const Args& args) {
  const auto letters = take_out(args);
  if (!letters) return tl::make_unexpected(letters.error());
  for (const Letter& letter : *letters) {
    say(fmt::format("lost: {} -> {} {}", letter.from, letter.to, title(letter.body)));
  }
  return {};
}

Stage::Done Stage::duplicate(const Args& args) {
  const auto selection = select(args);
  if (!selection) return tl::make_unexpected(selection.error());
  const std::size_t before = flight_.size();
  for (std::size_t i = 0; i < before; ++i) {
    if (selection->fits(flight_[i])) flight_.push_back(Letter(flight_[i]));
  }
  if (flight_.size() == before) return core::fail("no such message is in flight");
  return {};
}

Stage::Done Stage::alter(const Args& args) {
  if (args.empty()) return core::fail("alter MESSAGES shard=N");
  const auto [key, value] = split(args.back(), "=");
  const auto shard = parse_number(value);
  const auto selection = select(Args(args.begin(), args.end() - 1));
  if (!selection) return tl::make_unexpected(selection.error());
  if (key != "shard" || !shard) return core::fail("alter MESSAGES shard=N");
  for (Letter& letter : flight_) {
    if (!selection->fits(letter)) continue;
    if (auto* offer = std::get_if<wire::Offer>(&letter.body)) {
      offer->shard = static_cast<core::ShardId>(*shard);
    } else if (auto* transfer = std::get_if<wire::Transfer>(&letter.body)) {
      transfer->shard = static_cast<core::ShardId>(*shard);
    } else {
      return core::fail(title(letter.body) + " names no shard");
    }
    const core::ByteView payload = core::view(letter.message.payload);
    letter.message.head = wire::encode(letter.header, letter.body, payload);
    say(fmt::format("{} -> {} {}", letter.from, letter.to,
                    words(letter.header, letter.body, payload)));
  }
  return {};
}

// ---- time ------------------------------------------------------------------------------------

std::optional<core::Instant> Stage::next_deadline() const {
  std::optional<core::Instant> next;
  for (const auto& [name, member] : members_) {
    if (member.peer.dead) continue;
    const auto deadline = member.peer.machine->next_deadline();
    if (deadline && (!next || *deadline < *next)) next = deadline;
  }
  return next;
}

void Stage::fire_due() {
  while (next_deadline() && *next_deadline() <= now_) {
    for (auto& [name, member] : members_) {
      if (member.peer.dead) continue;
      member.peer.machine->on_deadline(now_);
      carry_out(name);
    }
  }
}

Stage::Done Stage::advance(const Args& args) {
  const auto by = core::parse_duration(args.empty() ? "" : args.front());
  if (!by) return tl::make_unexpected(by.error());
  const core::Instant end = now_ + *by;
  for (auto next = next_deadline(); next && *next <= end; next = next_deadline()) {
    now_ = std::max(now_, *next);
    const auto before = static_cast<std::ptrdiff_t>(lines_.size());
    fire_due();
    if (std::ssize(lines_) == before) continue;
    lines_.insert(lines_.begin() + before,
                  fmt::format("at {:.3f} s", core::seconds(now_.time_since_epoch())));
  }
  now_ = end;
  return {};
}

// ---- all at once -----------------------------------------------------------------------------

bool Stage::connected(const Args& names) const {
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    const Machine& machine = *members_.at(name).peer.machine;
    const auto neighbours = machine.neighbours();
    return machine.phase() == Phase::kTraining &&
           std::all_of(names.begin(), names.end(), [&](const std::string& other) {
             return name == other ||
                    std::any_of(neighbours.begin(), neighbours.end(),
                                [&](const auto& n) { return n.up && name_of(n.id) == other; });
           });
  });
}

/// A newcomer's lane goes first; else those train who may give it their state.
void Stage::work_towards_training(const Args& names) {
  const auto joining = [this](const std::string& name) {
    return members_.at(name).peer.machine->phase() == Phase::kJoining;
  };
  bool any = false;
  for (const std::string& name : names) any |= joining(name) && finish(name);
  for (const std::string& name : names) {
    if (!any && !joining(name)) (void)finish(name);
  }
}

Stage::Done Stage::connect(const Args& args) {
  for (const std::string& name : args) {
    if (auto member = find({name}, true); !member) return tl::make_unexpected(member.error());
  }
  for (int round = 0; round < kRoundsMax; ++round) {
    fire_due();
    while (!flight_.empty()) (void)deliver({});
    if (connected(args)) {
      lines_.clear();
      for (const std::string& name : args) say(standing(name, members_.at(name).peer).front());
      return {};
    }
    work_towards_training(args);
  }
  return core::fail("they do not come together");
}

void Stage::carry_out(const std::string& name) {
  auto& [peer, lane] = members_.at(name);
  while (auto effect = peer.machine->poll()) {
    if (auto* send = std::get_if<Send>(&*effect)) {
      const core::ByteView payload = core::view(send->payload);
      const auto header = wire::peek(send->head, payload, kPayloadMax);
      Letter letter{name,
                    send->to.substr(0, 1),
                    *header,
                    *wire::parse(*header, send->head),
                    {std::move(send->head), send->payload, ""}};
      say(fmt::format("{} -> {} {}", name, letter.to, words(letter.header, letter.body, payload)));
      flight_.push_back(std::move(letter));
    } else if (auto* work = std::get_if<Work>(&*effect)) {
      say(fmt::format("{} begins {}", name, words(*work)));
      lane = std::move(*work);
    } else {
      say(fmt::format("{} reports {}", name, words(std::get<Report>(*effect))));
    }
  }
}

}  // namespace murmur::gossip::test
