// Who is let through how often, and that the kernel does so.
#include "net/turnstile.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

#include "tests/catch.hpp"
#include "tests/net/raw_zmtp.hpp"

using namespace murmur;
using namespace murmur::net;
using namespace std::chrono_literals;
using test::RawSocket;

namespace {

/// A turnstile and its clock.
struct Rounds {
  std::vector<Share> next() {
    now += kRound;
    if (auto changed = turnstile.turn(now)) shares = *std::move(changed);
    return shares;
  }
  void fail(const std::string& host, std::uint64_t times) {
    for (std::uint64_t i = 0; i < times; ++i) turnstile.failed(host);
  }
  Turnstile turnstile;
  core::Instant now{1h};
  std::vector<Share> shares;
};

const Origin kOne = *origin_of("10.0.0.1");

/// Those of `tries` connections from `host` that came through at once.
int come_through(const std::string& host, const std::string& address, int tries) {
  int through = 0;
  for (int i = 0; i < tries; ++i) {
    RawSocket caller;
    caller.be_patient_for(20);
    caller.call_from(host);
    caller.connect(address);
    through += caller.ok() ? 1 : 0;
  }
  return through;
}

}  // namespace

TEST_CASE("who fails now and then is not slowed") {
  Rounds rounds;
  for (int i = 0; i < 100; ++i) {
    rounds.fail("10.0.0.1", kFailuresARound - 1);
    CHECK(rounds.next().empty());
  }
  CHECK(rounds.turnstile.take_slowed().empty());
}

TEST_CASE("who fails again and again is slowed until little of it comes through, and named once") {
  constexpr std::uint64_t kFlood = 250;  // a round
  Rounds rounds;
  rounds.fail("10.0.0.1", kFlood);
  std::uint64_t through = kFlood;
  for (int i = 0; i < 100; ++i) {
    const auto shares = rounds.next();
    REQUIRE(shares.size() == 1);
    CHECK(shares[0].origin == kOne);
    through = kFlood >> shares[0].halvings;
    CHECK(through < 2 * kFailuresARound);
    rounds.fail("10.0.0.1", through);
  }
  CHECK(rounds.turnstile.take_slowed() == std::vector<std::string>{"10.0.0.1"});
  for (int i = 0; i <= kHalvingsMax; ++i) rounds.next();
  CHECK(rounds.shares.empty());
}

TEST_CASE("failures of hosts not found out count for those that are, but not for one that failed") {
  Rounds rounds;
  rounds.fail("", 1000);
  CHECK(rounds.next().empty());
  rounds.fail("", 1000);
  rounds.fail("10.0.0.2", 1);
  CHECK(rounds.next().empty());
  rounds.fail("", 1000);
  rounds.fail("10.0.0.2", 1);
  rounds.fail("10.0.0.1", kKnownFailuresMin);
  const auto shares = rounds.next();
  REQUIRE(shares.size() == 1);
  CHECK(shares[0].origin == kOne);
}

TEST_CASE("of too many hosts those that fail least are forgotten") {
  Rounds rounds;
  rounds.fail("10.0.0.1", 100);
  rounds.next();
  for (int i = 0; i < 1000; ++i) rounds.fail(fmt::format("10.1.{}.{}", i / 250, i % 250), 1);
  rounds.fail("10.0.0.1", 100);
  for (std::size_t i = 0; i < 2 * kHostsSlowed; ++i) rounds.fail(fmt::format("10.2.0.{}", i), 20);
  CHECK(rounds.next().size() == kHostsSlowed);
  CHECK(std::any_of(rounds.shares.begin(), rounds.shares.end(),
                    [](const Share& share) { return share.origin == kOne; }));
}

TEST_CASE("an IPv6 host is known by the first half of its address") {
  CHECK(origin_of("2001:db8:1:2:3::4") == origin_of("2001:db8:1:2::ffff"));
  CHECK(origin_of("2001:db8:1:2::1") != origin_of("2001:db8:1:3::1"));
  CHECK(origin_of("fe80::1%lo") == origin_of("fe80::2"));
  CHECK(origin_of("::ffff:10.0.0.1") == kOne);
  CHECK(origin_of("::1") != origin_of("0.0.0.0"));
  CHECK_FALSE(origin_of(""));
  CHECK_FALSE(origin_of("localhost"));
}

TEST_CASE("the kernel lets a share through of who is named, and all of who is not") {
  RawSocket listener;
  const std::string address = listener.listen();
  const std::vector<Share> shares = {{*origin_of("::1"), 3},
                                     {*origin_of("127.0.0.7"), kHalvingsMax},
                                     {*origin_of("2001:db8::"), kHalvingsMax},
                                     {*origin_of("127.0.0.2"), kHalvingsMax},
                                     {*origin_of("127.0.0.3"), 1}};
  REQUIRE(let_through(listener.fd(), shares));
  CHECK(come_through("127.0.0.2", address, 20) <= 2);
  CHECK(come_through("127.0.0.4", address, 20) == 20);
  const int half = come_through("127.0.0.3", address, 32);
  CHECK(half > 1);
  CHECK(half < 31);
  REQUIRE(let_through(listener.fd(), {}));
  CHECK(come_through("127.0.0.2", address, 20) == 20);
}

TEST_CASE("the kernel tells IPv6 hosts apart") {
  const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  RawSocket listener(fd);
  sockaddr_in6 at{};
  at.sin6_family = AF_INET6;
  at.sin6_addr = in6addr_loopback;
  socklen_t size = sizeof at;
  const auto* address = reinterpret_cast<const sockaddr*>(&at);
  if (fd < 0 || ::bind(fd, address, size) != 0) return;  // a machine without IPv6
  REQUIRE(::listen(fd, 64) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0);
  const auto through = [&](int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) {
      RawSocket caller(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
      caller.be_patient_for(20);
      count += ::connect(caller.fd(), address, size) == 0 ? 1 : 0;
    }
    return count;
  };
  REQUIRE(let_through(fd, {{*origin_of("0.0.0.0"), kHalvingsMax}, {*origin_of("1::"), 10}}));
  CHECK(through(20) == 20);
  REQUIRE(let_through(fd, {{*origin_of("127.0.0.1"), 1}, {*origin_of("::1"), kHalvingsMax}}));
  CHECK(through(20) <= 2);
}
