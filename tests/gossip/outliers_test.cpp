// A neighbour whose replica is finite and absurd is named, and mixed all the same.
#include "gossip/outliers.hpp"

#include <algorithm>
#include <cmath>

#include "tests/catch.hpp"
#include "tests/gossip/pair.hpp"

namespace murmur::gossip::test {
namespace {

using namespace std::chrono_literals;

constexpr core::PeerId kOne{1, 1};
constexpr core::PeerId kTwo{2, 2};
constexpr std::uint64_t kYoung = 10;
constexpr std::uint64_t kOld = 100'000;

core::MixStats sizes(double ours, double theirs) { return {std::abs(ours - theirs), ours, theirs}; }

TEST_CASE("a neighbour is an outlier when its replica is of another size altogether") {
  Outliers outliers;
  const core::Instant now(1h);
  CHECK(outliers.measured(now, kOne, sizes(1, 12), kOld) ==
        "its replica is 12 times as large as this one; they are mixed all the same");
  CHECK(outliers.measured(now, kTwo, sizes(5000, 1), kOld) ==
        "this replica is over 10 times as large as its own; they are mixed all the same");
  CHECK(outliers.measured(now, {3, 3}, sizes(1, 0), kOld));
  CHECK_FALSE(outliers.measured(now, {4, 4}, sizes(1, 9), kOld));
  CHECK_FALSE(outliers.measured(now, {4, 4}, {1e-3, 1}, kOld));  // near, so nobody looked
  CHECK_FALSE(outliers.measured(now, {4, 4}, sizes(1, 1e6), kYoung));
}

TEST_CASE("an outlier is named once a minute, whoever else is") {
  Outliers outliers;
  const core::Instant began(1h);
  int said = 0;
  int said_of_other = 0;
  for (core::Instant now = began; now < began + 5min; now += 100ms) {
    said += outliers.measured(now, kOne, sizes(1, 900), kOld) ? 1 : 0;
    if (now == began + 30s)
      said_of_other += outliers.measured(now, kTwo, sizes(1, 900), kOld) ? 1 : 0;
  }
  CHECK(said == 5);
  CHECK(said_of_other == 1);
}

TEST_CASE("a replica that becomes absurd is named on both sides, and mixed all the same") {
  Net net;
  for (std::size_t i = 0; i < 3; ++i) net.add(1.0F, net.config(i));
  REQUIRE(net.run(10s, [&] { return net.peers[2]->machine->status().exchanges > 100; }));
  const auto names = [&](std::size_t peer, std::size_t other) {
    const auto reports = net.peers[peer]->reported<PeerReport>();
    return std::count_if(reports.begin(), reports.end(), [&](const PeerReport& report) {
      return report.what == PeerReport::What::kDiffers &&
             report.peer == net.peers[other]->machine->self().id;
    });
  };
  CHECK(names(0, 2) + names(1, 2) + names(0, 1) == 0);
  net.peers[2]->replica->x = 1e6F;
  net.run(10s);
  // At least whoever met it first: after that, it is not so large.
  CHECK(names(0, 2) + names(1, 2) >= 1);
  CHECK(names(2, 0) + names(2, 1) >= 1);
  for (std::size_t a = 0; a < 3; ++a) {
    for (std::size_t b = 0; b < 3; ++b) {
      if (a == b) continue;
      CHECK(names(a, b) <= 1);
      CHECK(net.peers[a]->replica->x == Approx(net.peers[b]->replica->x).epsilon(0.01));
    }
  }
}

}  // namespace
}  // namespace murmur::gossip::test
