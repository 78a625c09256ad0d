// A process that may have little: it says so in a line, or does with it, but is never aborted. Each
// runs in a process of its own.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <deque>
#include <functional>
#include <string>

#include "net/transport.hpp"
#include "net/wake_event.hpp"
#include "tests/catch.hpp"
#include "tests/net/raw_zmtp.hpp"

using namespace murmur;
using namespace std::chrono_literals;
using test::RawSocket;

namespace {

/// The exit status of a process that does `work`; 128 + n if signal n ended it.
int in_process(const std::function<int()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(60);
    ::_exit(work());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// What others see of `limit` is what was allowed before and no more.
void allow(int limit, rlim_t most) {
  const rlimit both{most, most};
  ::setrlimit(static_cast<__rlimit_resource>(limit), &both);
}

enum Status { kWorks = 10, kSaysWhy = 11, kSaysElse = 12, kDeaf = 13 };

/// Opens a transport and says something to it.
int try_transport(const std::string& reason) {
  const auto opened = net::Transport::open({"127.0.0.1", 0});
  if (!opened) {
    return opened.error().message.find(reason) != std::string::npos ? kSaysWhy : kSaysElse;
  }
  net::Transport& transport = **opened;
  const std::string self = net::to_string(transport.bound());
  net::WakeEvent wake;
  transport.send(core::Instant(1h), self, test::bytes_of("hello"), nullptr);
  for (int i = 0; i < 100; ++i) {
    if (transport.receive()) return kWorks;
    transport.wait(wake.fd(), 100);
  }
  return kDeaf;
}

}  // namespace

TEST_CASE("a process that may open few descriptors says so, or works with them") {
  for (const rlim_t most : {5, 8, 11, 12, 20, 30, 55}) {
    CAPTURE(most);
    CHECK(in_process([most] {
            allow(RLIMIT_NOFILE, most);
            return try_transport("descriptors");
          }) == kSaysWhy);
  }
  CHECK(in_process([] {
          allow(RLIMIT_NOFILE, 64);
          return try_transport("");
        }) == kWorks);
}

TEST_CASE("a process that may not start threads says so") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can become a user who has no processes yet");
    return;
  }
  constexpr uid_t kNobody = 65534;
  CHECK(in_process([] {
          allow(RLIMIT_NPROC, 1);
          if (::setuid(kNobody) != 0) return -1;
          return try_transport("threads");
        }) == kSaysWhy);
}

TEST_CASE("a process without address space for threads says so, or works with what it has") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return;  // they take terabytes of it
#endif
  const int status = in_process([] {
    std::size_t pages = 0;
    if (FILE* statm = std::fopen("/proc/self/statm", "r")) {
      if (std::fscanf(statm, "%zu", &pages) != 1) pages = 0;
      std::fclose(statm);
    }
    allow(RLIMIT_AS, pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + (8 << 20));
    return try_transport("threads");
  });
  CHECK((status == kSaysWhy || status == kWorks));  // stacks of earlier tests' threads may be left
}

TEST_CASE("descriptors that strangers use up are missed, and their return is noticed") {
  CHECK(in_process([] {
          constexpr int kFew = 64;
          const auto opened = net::Transport::open({"127.0.0.1", 0});
          if (!opened) return int{kSaysElse};
          net::Transport& transport = **opened;
          const std::string self = net::to_string(transport.bound());
          net::WakeEvent wake;
          const auto hears = [&](std::string_view text, const std::function<void()>& meanwhile) {
            for (int i = 0; i < 300; ++i) {
              if (const auto message = transport.receive();
                  message && message->head == test::bytes_of(text)) {
                return true;
              }
              meanwhile();
              transport.wait(wake.fd(), 10);
            }
            return false;
          };
          std::deque<RawSocket> strangers;
          for (int i = 0; i < kFew; ++i) strangers.emplace_back();
          allow(RLIMIT_NOFILE, kFew + 40);
          for (RawSocket& stranger : strangers) stranger.connect(self);
          // To new places, all the time: a socket takes descriptors, and there are none.
          core::Duration at{0};
          const auto send_on = [&] {
            at += 10ms;
            const auto port = static_cast<std::uint16_t>(20000 + at / 10ms);
            transport.send(core::Instant(1h + at), net::to_string({"127.0.0.9", port}),
                           test::bytes_of("x"), nullptr);
            if (!transport.tend(core::Instant(1h + at))) std::abort();
          };
          for (int i = 0; i < 100; ++i) {
            send_on();
            transport.wait(wake.fd(), 1);
          }
          if (::dup(0) >= 0) return int{kSaysElse};  // it was to be without
          strangers.clear();
          for (int i = 0; i < 20; ++i) {
            RawSocket other(self);
            other.shake_hands("DEALER");
            other.send(test::frame(0, test::bytes_of("still there")));
            if (hears("still there", send_on)) return int{kWorks};
          }
          return int{kDeaf};
        }) == kWorks);
}
