// A copy of a peer's state folder is started on another machine, while the peer goes on.
#include <set>

#include "sim/fleet.hpp"
#include "tests/catch.hpp"
#include "tests/sim/swarm.hpp"

namespace murmur::sim {
namespace {

using std::chrono::seconds;
using What = gossip::PeerReport::What;

constexpr std::size_t kPeers = 6;
constexpr std::size_t kOriginal = 2;
constexpr std::size_t kTwin = kPeers;

SimConfig with_a_twin(std::uint64_t seed) {
  SimConfig config = test::quick(kPeers);
  config.seed = seed;
  config.faults.delay = *parse_distribution("exp:5ms");
  config.faults.loss = 0.05;
  config.faults.duplicate = 0.05;
  config.faults.calm_from = seconds(6);
  config.faults.twins = {*parse_twin("2@2s+3s")};
  return config;
}

TEST_CASE("a copy of a living peer is turned away in words on both sides, and the books hold") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimConfig config = with_a_twin(seed);
    CAPTURE(seed, to_flags(config.faults));
    std::set<std::size_t> named_by;
    std::string twin_was_told;
    core::Duration told_at{0};
    bool twin_exchanged = false;
    config.on_report = [&](std::size_t peer, core::Duration now, const gossip::Report& report) {
      if (peer == kTwin) twin_exchanged |= std::holds_alternative<gossip::ExchangeReport>(report);
      const auto* said = std::get_if<gossip::PeerReport>(&report);
      if (said == nullptr || said->message.find("another process runs under this") != 0) return;
      if (peer == kTwin && twin_was_told.empty()) {
        twin_was_told = said->message;
        told_at = now;
      } else if (said->what == What::kRefused) {
        named_by.insert(peer);
      }
    };
    const auto outcome = run(config, test::quadratics(16, seed));
    REQUIRE(outcome);
    for (const std::string& violation : outcome->violations) FAIL_CHECK(violation);
    CHECK(outcome->unresolved == 0);
    CHECK_FALSE(twin_exchanged);
    CHECK(twin_was_told.find(" at p2:0, as boot 1") != std::string::npos);
    CHECK(told_at < seconds(4));
    CHECK_FALSE(named_by.empty());
    CHECK(outcome->spread < 0.02);
    REQUIRE(outcome->peers.size() == kPeers);
    CHECK(outcome->peers[kOriginal].steps == 600);
  }
}

}  // namespace
}  // namespace murmur::sim
