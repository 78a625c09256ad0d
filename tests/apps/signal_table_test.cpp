// Every signal that a run may get, in every phase of it, once and twice, to a peer, to local, and
// to local and all its processes at once: the exit status and what was left, as a table.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <iterator>
#include <thread>

#include "tests/apps/held_port.hpp"
#include "tests/apps/peer_pids.hpp"
#include "tests/apps/program.hpp"
#include "tests/catch.hpp"

namespace murmur::testing {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

enum class To { kPeer, kLocal, kAll };
enum class During { kJoining, kTraining, kSettling, kLingering, kEnding };

constexpr std::array kTo{"a peer", "local", "all of local"};
constexpr std::array kDuring{"joining", "training", "settling", "lingering", "ending"};
constexpr std::size_t kPeers = 2;

struct Case {
  int signal = 0;
  During during{};
  To to{};
  int times = 0;
  int status = -1;
  std::string left;
};

/// A large model takes a while to write.
Words flags_of(During during) {
  switch (during) {
    case During::kJoining:
      return {};
    case During::kTraining:
      return {"--settle", "500ms", "--linger", "500ms"};
    case During::kSettling:
      return {"--duration", "1s", "--settle", "2s", "--linger", "1s"};
    case During::kLingering:
      return {"--duration", "1s", "--settle", "0", "--linger", "2s"};
    default:
      return {"--duration", "300ms", "--settle", "0",
              "--linger",   "0",     "--model",  "mlp:64-1000-1000-10"};
  }
}

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

bool has_ended(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid;
}

std::vector<pid_t> children_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/task/{}/children", pid, pid));
  return {std::istream_iterator<pid_t>(file), {}};
}

/// One case, with what it needs: the subject, and for a peer that has to have a neighbour, that.
class Trial {
 public:
  explicit Trial(Case& c) : case_(c) {}

  void run() {
    start();
    wait_for_phase();
    for (int i = 0; i < case_.times; ++i) {
      if (i > 0) wait_until_noted();
      send(case_.signal);
    }
    if (case_.signal == SIGPIPE) {
      // It is of no effect, so whether it has come cannot be seen but in what the peer still does.
      const auto before = read_text(metrics()).size();
      wait_until([&] { return has_ended(subject_) || read_text(metrics()).size() > before; });
      if (case_.during <= During::kTraining) ::kill(subject_, SIGTERM);
    } else {
      wait_until_noted();
    }
    if (held_ > 0) ::kill(held_, SIGCONT);
    case_.status = wait_for(subject_, dir_).status;
    if (neighbour_ > 0) {
      ::kill(neighbour_, SIGKILL);
      wait_for(neighbour_, neighbour_dir_);
    }
    case_.left = what_is_left();
  }

 private:
  [[nodiscard]] bool of_local() const { return case_.to != To::kPeer; }
  [[nodiscard]] fs::path out() const { return dir_ / "run"; }
  [[nodiscard]] fs::path metrics() const {
    return (of_local() ? peer_dir(out(), 0) : out()) / "metrics.jsonl";
  }
  [[nodiscard]] bool phase_is(const char* phase) const {
    return says(metrics(), fmt::format(R"("phase":"{}")", phase));
  }

  void start() {
    const Words files = {"--out", out().string(), "--state", (dir_ / "state").string()};
    const Words flags = flags_of(case_.during);
    if (of_local()) {
      // Peers of local do not join long; so they wait for company that does not come.
      const Words waiting = case_.during == During::kJoining ? Words{"--wait-for", "9"} : Words{};
      subject_ = start_program(
          Words{"local", "--peers", std::to_string(kPeers)} + files + Words{"--"} + flags + waiting,
          dir_);
      return;
    }
    Words words = Words{"peer"} + files + flags;
    if (case_.during == During::kJoining) words = words + Words{"--join", silent_.address()};
    const bool needs_neighbour =
        case_.during == During::kSettling || case_.during == During::kLingering;
    if (needs_neighbour) words = words + Words{"--wait-for", "1"};
    subject_ = start_program(words, dir_);
    if (!needs_neighbour) return;
    wait_until([this] { return says(metrics(), "\n"); });
    const auto first =
        nlohmann::json::parse(read_text(metrics()).substr(0, read_text(metrics()).find('\n')));
    neighbour_ =
        start_program({"peer", "--join", first["address"].get<std::string>()}, neighbour_dir_);
  }

  void wait_for_phase() {
    switch (case_.during) {
      case During::kJoining:
        if (of_local()) wait_until([this] { return all_say(out(), kPeers, R"("status")"); });
        return wait_until([this] { return says(metrics(), R"("status")"); });
      case During::kTraining:
        return wait_until([this] {
          return of_local() ? all_say(out(), kPeers, R"("evaluation")")
                            : says(metrics(), R"("evaluation")");
        });
      case During::kEnding:
        return wait_until([this] { return phase_is("done"); });
      default:
        break;
    }
    if (of_local()) {
      // A neighbour that is stopped is still there for 2.5 s, and does not settle.
      wait_until([this] { return all_say(out(), kPeers, R"("evaluation")"); });
      held_ = peer_pids(out(), kPeers)[1];
      ::kill(held_, SIGSTOP);
    }
    wait_until(
        [this] { return phase_is(case_.during == During::kSettling ? "settling" : "lingering"); });
  }

  void send(int signal) {
    const auto children = case_.to == To::kAll ? children_of(subject_) : std::vector<pid_t>();
    ::kill(subject_, signal);
    for (const pid_t child : children) ::kill(child, signal);
  }

  void wait_until_noted() {
    if (case_.signal == SIGPIPE) return;
    const fs::path words = of_local() ? peer_dir(out(), 0) / "log" : dir_ / "out";
    wait_until([&] { return has_ended(subject_) || says(words, "asked to stop"); });
  }

  [[nodiscard]] std::string what_is_left() const {
    std::size_t models = 0;
    std::size_t summaries = 0;
    std::size_t checkpoints = 0;
    std::size_t others = 0;
    for (const auto& entry : fs::recursive_directory_iterator(dir_.path())) {
      const std::string name = entry.path().filename();
      models += name == "model.safetensors" ? 1 : 0;
      summaries += name == "summary.json" ? 1 : 0;
      checkpoints += name == "checkpoint.0" || name == "checkpoint.1" ? 1 : 0;
      others += name.ends_with(".tmp") || name.ends_with(".earlier") ? 1 : 0;
    }
    return fmt::format("{} model{}, {} summar{}, {}{}", models, models == 1 ? "" : "s", summaries,
                       summaries == 1 ? "y" : "ies",
                       checkpoints > 0 ? "checkpoints" : "no checkpoint",
                       others > 0 ? fmt::format(", {} HALF FILES", others) : "");
  }

  Case& case_;
  TempDir dir_;
  TempDir neighbour_dir_;
  HeldPort silent_;
  pid_t subject_ = -1;
  pid_t neighbour_ = -1;
  pid_t held_ = -1;
};

/// A run that never trained leaves no model, and one that did loses none.
std::string expected_left(const Case& c) {
  const bool local = c.to != To::kPeer;
  if (c.during != During::kJoining) {
    return local ? "2 models, 3 summaries, checkpoints" : "1 model, 1 summary, checkpoints";
  }
  return local ? "0 models, 1 summary, checkpoints" : "0 models, 0 summaries, no checkpoint";
}

TEST_CASE("each signal, in each phase, once and twice: nothing that was trained is lost") {
  std::vector<Case> cases;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    for (int during = 0; during < static_cast<int>(kDuring.size()); ++during) {
      for (const To to : {To::kPeer, To::kLocal, To::kAll}) {
        for (const int times : {1, 2}) cases.push_back({signal, During{during}, to, times, -1, ""});
      }
    }
  }
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> workers(4);
  for (std::thread& worker : workers) {
    worker = std::thread([&] {
      for (std::size_t i = next++; i < cases.size(); i = next++) Trial(cases[i]).run();
    });
  }
  for (std::thread& worker : workers) worker.join();

  fmt::print("{:<8} {:<10} {:<13} {:<6} {:>6}  {}\n", "signal", "while", "to", "times", "status",
             "left");
  for (const Case& c : cases) {
    const std::string row = fmt::format(
        "SIG{:<5} {:<10} {:<13} {:<6} {:>6}  {}", ::sigabbrev_np(c.signal),
        kDuring[static_cast<std::size_t>(c.during)], kTo[static_cast<std::size_t>(c.to)],
        c.times == 1 ? "once" : "twice", c.status, c.left);
    fmt::print("{}\n", row);
    INFO(row);
    CHECK(c.status == (c.during == During::kJoining ? 1 : 0));
    CHECK(c.left == expected_left(c));
  }
}

}  // namespace
}  // namespace murmur::testing
