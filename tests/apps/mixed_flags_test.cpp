// Three peers of which one has another flag than the others, as the first or as one that joins: all
// end by themselves, who cannot train says why, and both sides say what differs, once.
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <memory>
#include <set>
#include <sstream>
#include <thread>

#include "tests/apps/siege/peer_process.hpp"
#include "tests/catch.hpp"

namespace murmur::testing {
namespace {

using Words = std::vector<std::string>;

struct Text {
  std::string text;
  std::size_t times;
};

/// What is to be heard on a side, so many times, and the end's status.
struct Side {
  int status;
  std::vector<Text> texts;
};

struct Case {
  Words flags;  ///< of the odd peer
  bool first;   ///< it is the one that the two others join; else it joins the first of them
  Side odd;
  Side others;                ///< each of them
  bool unknown_to_1 = false;  ///< refused by the one that it joins, it never meets the other
  // What came of it.
  Words ends{};
  std::vector<std::string> wrong{};
  std::string log{};
};

std::vector<Case> all_cases(const std::string& key) {
  const std::string adam = "differs: optimizer adam here, sgd there; lr 0.001 here, 0.05 there";
  const std::string sgd = "differs: optimizer sgd here, adam there; lr 0.05 here, 0.001 there";
  const std::string refused = " refuses this peer: ";
  const std::string apart = "took the parameters alone: the donor's optimizer is of another kind";
  const std::string alone = "trains alone (rule none)";
  const std::string small = "model 'mlp:64-32-10' here, 'mlp:64-128-10' there";
  const std::string large = "model 'mlp:64-128-10' here, 'mlp:64-32-10' there";
  std::vector<Case> cases;
  for (const bool first : {false, true}) {
    const auto add = [&](const Words& flags, const std::string& odd, const std::string& other) {
      cases.push_back({flags, first, {0, {{odd, 2}}}, {0, {{other, 1}}}});
    };
    add({"--lr", "10"}, "differs: lr 10 here, 0.05 there", "differs: lr 0.05 here, 10 there");
    add({"--lr", "100"}, "differs: lr 100 here, 0.05 there", "differs: lr 0.05 here, 100 there");
    add({"--seed", "7"}, "differs: seed 7 here, 1 there", "differs: seed 1 here, 7 there");
    add({"--part", "2/4"}, "differs: part 2/4 here, ", "/3 here, 2/4 there");
  }
  const Words optimizer = {"--optimizer", "adam"};
  cases.push_back({optimizer, false, {0, {{adam, 2}, {apart, 1}}}, {0, {{sgd, 1}}}});
  // The third may have copied from the second, whose optimizer is as its own.
  cases.push_back({optimizer, true, {0, {{adam, 2}}}, {0, {{sgd, 1}}}});
  const Words model = {"--model", "mlp:64-32-10"};
  cases.push_back({model, false, {1, {{refused + small, 1}}}, {0, {{large, 1}}}, true});
  cases.push_back({model, true, {0, {{small, 2}}}, {1, {{refused + large, 1}}}});
  const Words swarm = {"--swarm", "flock"};
  const std::string named = "swarm 193b30528ca64201 here, 0000000000000000 there";
  const std::string unnamed = "swarm 0000000000000000 here, 193b30528ca64201 there";
  cases.push_back({swarm, false, {1, {{refused + named, 1}}}, {0, {{unnamed, 1}}}, true});
  cases.push_back({swarm, true, {0, {{named, 2}}}, {1, {{refused + unnamed, 1}}}});
  const Words keyed = {"--key", key};
  cases.push_back({keyed, false, {1, {{"shakes no hands", 1}}}, {0, {}}});
  cases.push_back({keyed, true, {0, {}}, {1, {}}});
  const Words rule = {"--rule", "none"};
  cases.push_back({rule, false, {2, {{"exchanges with nobody", 1}}}, {0, {}}});
  cases.push_back({rule, true, {0, {{alone, 2}}}, {1, {{refused + "it " + alone, 1}}}});
  return cases;
}

std::size_t count(const std::string& all, const std::string& text) {
  std::size_t n = 0;
  for (std::size_t at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++n;
  return n;
}

/// Whether a line stands in `all` twice, but for its time. What is said each second does not count.
bool repeats(const std::string& all) {
  std::set<std::string> seen;
  std::istringstream lines(all);
  for (std::string line; std::getline(lines, line);) {
    const std::string words = line.substr(std::min(line.find(" s  "), line.size()));
    if (words.starts_with(" s  step ") || words.starts_with(" s  looking for ")) continue;
    if (!words.empty() && !seen.insert(words).second) return true;
  }
  return false;
}

constexpr std::size_t kPeers = 3;

/// On `address`, which is its own: else a peer that looks for one of another case that has ended
/// may find this one's at its port.
void run(Case& c, const std::string& address) {
  const std::size_t odd = c.first ? 0 : 2;
  std::array<std::unique_ptr<PeerProcess>, kPeers> peers;
  for (std::size_t i = 0; i < kPeers; ++i) {
    Words flags = {"--duration", "2s", "--listen", address + ":0"};
    if (i != odd || c.flags[0] != "--part") {
      flags.insert(flags.end(), {"--part", fmt::format("{}/3", i)});
    }
    if (i == odd) flags.insert(flags.end(), c.flags.begin(), c.flags.end());
    if (i > 0) flags.insert(flags.end(), {"--join", peers[0]->progress().address});
    peers[i] = std::make_unique<PeerProcess>(flags);
    if (i == 0) wait_until([&] { return !peers[0]->progress().address.empty(); });
    // All know each other while all are there.
    wait_until([&] { return peers[i]->ended() || !peers[i]->progress().phase.empty(); });
  }
  for (std::size_t i = 0; i < kPeers; ++i) {
    PeerProcess& peer = *peers[i];
    wait_until([&] { return peer.ended(); });
    const std::string said = peer.said();
    const Side& side = i == odd ? c.odd : c.others;
    if (peer.status() != side.status) {
      c.wrong.push_back(fmt::format("peer {} ended with {}", i, peer.status()));
    }
    for (const Text& text : side.texts) {
      const std::size_t wanted = c.unknown_to_1 && i == 1 ? 0 : text.times;
      if (const std::size_t times = count(said, text.text); times != wanted) {
        c.wrong.push_back(fmt::format("peer {} said '{}' {} times", i, text.text, times));
      }
    }
    if (repeats(said)) c.wrong.push_back(fmt::format("peer {} repeats itself", i));
    c.ends.push_back(fmt::format("{} after {} lines", peer.status(), peer.lines()));
    c.log += fmt::format("---- peer {}{}\n{}", i, i == odd ? ", the odd one" : "", said);
  }
}

TEST_CASE("one of three peers has another flag: each ends, and both sides say why, once") {
  const TempDir dir;
  const std::string key = (dir / "key").string();
  REQUIRE(run_program({"keygen", key}).status == 0);
  std::vector<Case> cases = all_cases(key);
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> workers(4);
  for (std::thread& worker : workers) {
    worker = std::thread([&] {
      for (std::size_t i = next++; i < cases.size(); i = next++)
        run(cases[i], fmt::format("127.0.1.{}", i + 1));
    });
  }
  for (std::thread& worker : workers) worker.join();
  fmt::print("{:<26} {:<9} {:<20} {}\n", "one of three", "", "ends with status", "the others");
  for (const Case& c : cases) {
    const std::size_t odd = c.first ? 0 : 2;
    fmt::print("{:<26} {:<9} {:<20} {}; {}\n", fmt::format("{} {}", c.flags[0], c.flags[1]),
               c.first ? "is joined" : "joins", c.ends[odd], c.ends[(odd + 1) % kPeers],
               c.ends[(odd + 2) % kPeers]);
    INFO(c.flags[0] << " " << c.flags[1] << (c.first ? " is joined" : " joins") << "\n" << c.log);
    const std::string wrong = fmt::format("{}", fmt::join(c.wrong, "; "));
    CAPTURE(wrong);
    CHECK(wrong.empty());
  }
}

}  // namespace
}  // namespace murmur::testing
