#include "apps/stop_signals.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::apps {
namespace {

using murmur::testing::TempDir;
using murmur::testing::write_text;

/// The status, as a shell shows it, of a process of its own that does `what` and then exits with
/// what it returns.
template <class What>
int in_a_process(What what) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(what());
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void wait_for_level(const StopSignals& stops, int level) {
  while (stops.level() < level) ::usleep(1000);
}

/// Sends `signal` and waits until it has been taken.
void send(int signal) {
  ::kill(::getpid(), signal);
  sigset_t pending;
  do {
    ::usleep(1000);
    ::sigpending(&pending);
  } while (sigismember(&pending, signal) == 1);
}

TEST_CASE("before anything is held the first signal ends the process") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    CHECK(in_a_process([signal] {
            const StopSignals stops;
            ::kill(::getpid(), signal);
            while (true) ::pause();
            return 0;
          }) == 128 + signal);
  }
}

TEST_CASE("a stop is counted twice, and a third ends the process and what it was writing") {
  const TempDir dir;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    write_text(dir / "half", "x");
    CHECK(in_a_process([&] {
            StopSignals stops;
            stops.hold(2, {dir / "half"});
            send(signal);
            wait_for_level(stops, 1);
            send(signal);
            wait_for_level(stops, 2);
            if (!std::filesystem::exists(dir / "half")) return 1;
            ::kill(::getpid(), signal);
            while (true) ::pause();
            return 0;
          }) == 128 + signal);
    CHECK_FALSE(std::filesystem::exists(dir / "half"));
  }
}

TEST_CASE("a signal to the whole group and the parent's word are one, in either order") {
  CHECK(in_a_process([] {
          StopSignals stops;
          stops.hold(2);
          StopSignals::tell(::getpid(), 1);
          wait_for_level(stops, 1);
          send(SIGTERM);
          const bool word_first = stops.level() == 1;
          send(SIGTERM);
          wait_for_level(stops, 2);
          StopSignals::tell(::getpid(), 2);
          StopSignals::tell(::getpid(), 1);
          return word_first && stops.level() == 2 ? 0 : 1;
        }) == 0);
}

TEST_CASE("SIGHUP that was ignored at the start stays ignored, SIGINT does not") {
  CHECK(in_a_process([] {
          ::signal(SIGHUP, SIG_IGN);
          ::signal(SIGINT, SIG_IGN);
          StopSignals stops;
          stops.hold(2);
          ::kill(::getpid(), SIGHUP);
          send(SIGINT);
          wait_for_level(stops, 1);
          return stops.level() == 1 ? 0 : 1;
        }) == 0);
}

TEST_CASE("a listener hears every level once, those before it too, and nothing after its end") {
  CHECK(in_a_process([] {
          StopSignals stops;
          stops.hold(2);
          send(SIGINT);
          wait_for_level(stops, 1);
          std::atomic<int> heard = 0;
          {
            const StopSignals::Listener listener(stops, [&heard] { ++heard; });
            if (heard != 1) return 1;
          }
          send(SIGINT);
          wait_for_level(stops, 2);
          return heard == 1 ? 0 : 2;
        }) == 0);
  CHECK(in_a_process([] {
          StopSignals stops;
          stops.hold(2);
          std::atomic<int> heard = 0;
          const StopSignals::Listener listener(stops, [&heard] { ++heard; });
          StopSignals::tell(::getpid(), 2);
          while (heard < 2) ::usleep(1000);
          return 0;
        }) == 0);
}

TEST_CASE("signals after its end are of no effect") {
  CHECK(in_a_process([] {
          {
            StopSignals stops;
            stops.hold(2);
          }
          for (int i = 0; i < 3; ++i) ::kill(::getpid(), SIGTERM);
          return 0;
        }) == 0);
}

}  // namespace
}  // namespace murmur::apps
