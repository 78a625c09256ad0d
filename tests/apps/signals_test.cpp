// The program and the signals that ask it to stop. What each phase of a run makes of them is in
// signal_table_test.cpp.
#include <fcntl.h>
#include <sys/stat.h>

#include <csignal>

#include "apps/summary.hpp"
#include "tests/apps/held_port.hpp"
#include "tests/apps/peer_pids.hpp"
#include "tests/apps/program.hpp"
#include "tests/catch.hpp"

namespace murmur::testing {
namespace {

namespace fs = std::filesystem;

TEST_CASE("SIGINT, SIGTERM and SIGHUP end a peer in good order, and it keeps its model") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const TempDir dir;
    const pid_t pid = start_program({"peer", "--out", (dir / "run").string()}, dir);
    wait_until([&] { return says(dir / "run/metrics.jsonl", R"("event":"evaluation")"); });
    ::kill(pid, signal);
    const Said said = wait_for(pid, dir);
    INFO(signal << said.err);
    CHECK(said.status == 0);
    CHECK(fs::exists(dir / "run/summary.json"));
    CHECK(fs::exists(dir / "run/model.safetensors"));
  }
}

TEST_CASE("under nohup a closed terminal is not a stop") {
  const TempDir dir;
  const pid_t pid = start_program({"peer", "--duration", "1s", "--out", (dir / "run").string()},
                                  dir, [] { ::signal(SIGHUP, SIG_IGN); });
  wait_until([&] { return says(dir / "out", "training"); });
  ::kill(pid, SIGHUP);
  CHECK(wait_for(pid, dir).status == 0);
  CHECK_FALSE(says(dir / "out", "asked to stop"));
}

TEST_CASE("a reader of standard output that goes away ends the narration only") {
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"peer", "--steps", "600"}, {"local", "--peers", "2", "--", "--steps", "600"}}) {
    const TempDir dir;
    int ends[2] = {-1, -1};
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    std::vector<std::string> words = args;
    words.insert(words.begin() + 1, "--out=" + (dir / "run").string());
    const pid_t pid = start_program(words, dir, [&] { ::dup2(ends[1], STDOUT_FILENO); });
    ::close(ends[0]);
    ::close(ends[1]);
    const Said said = wait_for(pid, dir);
    INFO(said.err);
    CHECK(said.status == 0);
    CHECK(fs::exists(dir / "run/summary.json"));
  }
}

TEST_CASE("standard streams that are closed or full harm nothing") {
  const TempDir dir;
  const pid_t closed = start_program(
      {"local", "--peers", "2", "--out", (dir / "closed").string(), "--", "--steps", "600"}, dir,
      [] {
        for (const int fd : {0, 1, 2}) ::close(fd);
      });
  CHECK(wait_for(closed, dir).status == 0);
  CHECK(says(dir / "closed/peer-0/log", "training"));
  const pid_t full = start_program({"peer", "--steps", "600"}, dir, [] {
    const int fd = ::open("/dev/full", O_WRONLY);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
  });
  CHECK(wait_for(full, dir).status == 0);
}

TEST_CASE("a peer that is stopped while it starts leaves nothing behind") {
  const TempDir dir;
  const fs::path pipe = dir / "data.csv";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const pid_t pid = start_program(
      {"peer", "--data", "csv:" + pipe.string(), "--out", (dir / "run").string()}, dir);
  const int writer = ::open(pipe.c_str(), O_WRONLY);  // returns once the peer reads
  ::kill(pid, SIGTERM);
  CHECK(wait_for(pid, dir).status == 128 + SIGTERM);
  CHECK_FALSE(fs::exists(dir / "run"));
  ::close(writer);
}

TEST_CASE("a peer that is stopped before it has parameters leaves no model and exits with 1") {
  const TempDir dir;
  const HeldPort silent;
  const pid_t pid =
      start_program({"peer", "--join", silent.address(), "--out", (dir / "run").string()}, dir);
  wait_until([&] { return says(dir / "run/metrics.jsonl", R"("phase":"joining")"); });
  ::kill(pid, SIGTERM);
  const Said said = wait_for(pid, dir);
  CHECK(said.status == 1);
  CHECK(said.err == "murmur: stopped before it had any parameters\n");
  CHECK_FALSE(fs::exists(dir / "run/model.safetensors"));
  CHECK_FALSE(fs::exists(dir / "run/summary.json"));
}

TEST_CASE("a peer that is stopped before its first step leaves no model and exits with 1") {
  const TempDir dir;
  const pid_t pid =
      start_program({"peer", "--wait-for", "1", "--out", (dir / "run").string()}, dir);
  wait_until([&] { return says(dir / "run/metrics.jsonl", R"("phase":"training")"); });
  ::kill(pid, SIGTERM);
  const Said said = wait_for(pid, dir);
  CHECK(said.status == 1);
  CHECK(said.err == "murmur: stopped before its first step\n");
  CHECK_FALSE(fs::exists(dir / "run/model.safetensors"));
}

TEST_CASE("one signal to every process of local is one: all settle, save and write") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const TempDir dir;
    const fs::path out = dir / "run";
    const pid_t pid = start_program(
        {"local", "--peers", "3", "--out", out.string(), "--state", (dir / "state").string()}, dir);
    wait_until([&] { return all_say(out, 3, R"("event":"evaluation")"); });
    // Children first and last: the parent's word comes to one after, to one before its own signal.
    const auto peers = peer_pids(out, 3);
    ::kill(peers[0], signal);
    ::kill(pid, signal);
    wait_until([&] { return says(out / "peer-1/log", "asked to stop"); });
    for (const pid_t peer : {peers[1], peers[2]}) ::kill(peer, signal);
    const Said said = wait_for(pid, dir);
    INFO(said.out << said.err);
    CHECK(said.status == 0);
    for (const char* peer : {"peer-0", "peer-1", "peer-2"}) {
      CHECK(says(out / peer / "metrics.jsonl", R"("phase":"settling")"));
      CHECK_FALSE(says(out / peer / "log", "at once"));
      CHECK(fs::exists(out / peer / "model.safetensors"));
      CHECK(fs::exists(dir / "state" / peer / "checkpoint.1"));
    }
    CHECK(fs::exists(out / "summary.json"));
  }
}

TEST_CASE("a second signal to local reaches its peers as a second") {
  const TempDir dir;
  const fs::path out = dir / "run";
  // Peer 1 is stopped, so that peer 0 settles for long.
  const pid_t pid = start_program(
      {"local", "--peers", "2", "--out", out.string(), "--", "--settle", "1m", "--linger", "1m"},
      dir);
  wait_until([&] { return all_say(out, 2, R"("event":"evaluation")"); });
  const auto peers = peer_pids(out, 2);
  ::kill(peers[1], SIGSTOP);
  ::kill(pid, SIGINT);
  wait_until([&] { return says(out / "peer-0/metrics.jsonl", R"("phase":"settling")"); });
  ::kill(pid, SIGINT);
  wait_until([&] { return says(out / "peer-0/log", "asked to stop at once"); });
  wait_until([&] { return fs::exists(out / "peer-0/summary.json"); });
  ::kill(peers[1], SIGCONT);
  const Said said = wait_for(pid, dir);
  INFO(said.out << said.err);
  CHECK(said.status == 0);
  CHECK(fs::exists(out / "peer-1/model.safetensors"));
}

}  // namespace
}  // namespace murmur::testing
