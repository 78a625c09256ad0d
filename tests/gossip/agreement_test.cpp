// When a replica and its neighbours are near enough to stop.
#include "gossip/agreement.hpp"

#include "tests/catch.hpp"

namespace murmur::gossip {
namespace {

constexpr double kBound = 1e-3;
constexpr core::MixStats kNear{1e-4, 1};
constexpr core::MixStats kFar{1e-1, 1};
constexpr core::PeerId kOne{1, 1};
constexpr core::PeerId kTwo{2, 2};

TEST_CASE("a replica of several shards is near only when the last exchange of each was") {
  Agreement agreement(3, 3);
  CHECK_FALSE(agreement.shards_below(kBound));
  agreement.measured(kOne, 0, kNear);
  agreement.measured(kOne, 1, kNear);
  CHECK_FALSE(agreement.shards_below(kBound));
  agreement.measured(kTwo, 2, kNear);
  CHECK(agreement.shards_below(kBound));
  agreement.measured(kTwo, 1, kFar);
  CHECK(agreement.measured(kOne, 0, kNear) < kBound);
  CHECK_FALSE(agreement.shards_below(kBound));
  agreement.measured(kOne, 1, kNear);
  CHECK(agreement.shards_below(kBound));
  agreement.forget();
  CHECK_FALSE(agreement.shards_below(kBound));
}

TEST_CASE("of each neighbour the last exchange counts, and of one that has left none") {
  Agreement agreement(1, 3);
  agreement.measured(kOne, 0, kFar);
  agreement.measured(kTwo, 0, kNear);
  CHECK_FALSE(agreement.recent_below(kBound));
  SECTION("a later one that was near") { agreement.measured(kOne, 0, kNear); }
  SECTION("it left") { agreement.forget(kOne); }
  CHECK(agreement.recent_below(kBound));
}

}  // namespace
}  // namespace murmur::gossip
