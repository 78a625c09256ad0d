// A replica that is finite and absurd is said by those that meet it, and the books hold.
#include <cstring>
#include <map>

#include "sim/diverging.hpp"
#include "sim/fleet.hpp"
#include "tests/catch.hpp"
#include "tests/sim/swarm.hpp"

namespace murmur::sim {
namespace {

using std::chrono::minutes;

/// After so many steps it is suddenly far from all others.
class Jumping : public Diverging {
 public:
  Jumping(std::unique_ptr<core::Replica> inner, std::uint64_t at)
      : Diverging(std::move(inner)), left_(at) {}
  core::TrainStats train(std::uint32_t steps) override {
    const bool jumps = left_ > 0 && left_ <= steps;
    left_ -= std::min<std::uint64_t>(left_, steps);
    if (jumps) {
      const std::vector<float> far(schema().parameters(), -1e4F);
      core::Bytes q(far.size() * sizeof(float));
      std::memcpy(q.data(), far.data(), q.size());
      REQUIRE(absorb(0, core::Codec::kFp32, q, 1));
    }
    return Diverging::train(steps);
  }

 private:
  std::uint64_t left_;
};

TEST_CASE("a replica that is absurd is named, once a minute at most, and the books hold") {
  constexpr std::size_t kPeers = 6;
  constexpr std::size_t kAbsurd = 3;
  constexpr std::uint64_t kAt = 400;
  SimConfig config;
  config.peers = kPeers;
  config.gossip.steps_max = 1500;
  config.gossip.exchange_every = 4;
  config.time_max = minutes(5);
  config.recompute_every = 500;
  config.faults.loss = 0.1;
  const bool jumps = GENERATE(true, false);
  std::map<std::size_t, std::map<core::PeerId, std::vector<core::Duration>>> named;
  std::map<std::size_t, std::uint64_t> step;
  config.on_report = [&](std::size_t peer, core::Duration now, const gossip::Report& report) {
    if (const auto* train = std::get_if<gossip::TrainReport>(&report)) step[peer] = train->step;
    const auto* said = std::get_if<gossip::PeerReport>(&report);
    if (said == nullptr || said->what != gossip::PeerReport::What::kDiffers) return;
    CHECK(step[kAbsurd] >= kAt);
    auto& times = named[peer][said->peer];
    if (!times.empty()) CHECK(now - times.back() >= minutes(1));
    times.push_back(now);
  };
  const auto quadratics = test::quadratics(16, config.seed);
  const auto outcome = run(config, [&](std::size_t peer, std::size_t incarnation) {
    std::unique_ptr<core::Replica> replica = quadratics(peer, incarnation);
    if (jumps && peer == kAbsurd) replica = std::make_unique<Jumping>(std::move(replica), kAt);
    return replica;
  });
  REQUIRE(outcome);
  for (const std::string& violation : outcome->violations) FAIL_CHECK(violation);
  CHECK(outcome->spread < 0.02);
  if (!jumps) {
    CHECK(named.empty());
    return;
  }
  std::size_t by_others = 0;
  for (std::size_t peer = 0; peer < kPeers; ++peer) {
    if (peer != kAbsurd) by_others += named[peer].contains(outcome->peers[kAbsurd].id) ? 1 : 0;
  }
  CHECK(by_others >= 1);
  CHECK_FALSE(named[kAbsurd].empty());
}

}  // namespace
}  // namespace murmur::sim
