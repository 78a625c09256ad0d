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
  Agreement agreement(3, 3, kBound);
  CHECK_FALSE(agreement.shards_near());
  agreement.measured(kOne, 0, kNear);
  agreement.measured(kOne, 1, kNear);
  CHECK_FALSE(agreement.shards_near());
  agreement.measured(kTwo, 2, kNear);
  CHECK(agreement.shards_near());
  agreement.measured(kTwo, 1, kFar);
  CHECK(agreement.measured(kOne, 0, kNear) < kBound);
  CHECK_FALSE(agreement.shards_near());
  agreement.measured(kOne, 1, kNear);
  CHECK(agreement.shards_near());
  agreement.forget();
  CHECK_FALSE(agreement.shards_near());
}

TEST_CASE("of each neighbour the last exchange counts, and of one that has left none") {
  Agreement agreement(1, 3, kBound);
  agreement.measured(kOne, 0, kFar);
  agreement.measured(kTwo, 0, kNear);
  CHECK_FALSE(agreement.recent_near());
  SECTION("a later one that was near") { agreement.measured(kOne, 0, kNear); }
  SECTION("it left") { agreement.forget(kOne); }
  CHECK(agreement.recent_near());
}

TEST_CASE("what moved the replica ends what others found before") {
  Agreement agreement(1, 3, kBound);
  agreement.measured(kOne, 0, kNear);
  agreement.measured(kTwo, 0, kFar);
  agreement.measured(kTwo, 0, kNear);
  CHECK(agreement.recent_near());
  CHECK(agreement.recent().size() == 1);
}

TEST_CASE("a replica that is all zeros does not agree with one that is not") {
  Agreement agreement(1, 3, kBound);
  CHECK(agreement.measured(kOne, 0, {5, 0}) == 1);
  CHECK(agreement.measured(kOne, 0, {0, 0}) == 0);
}

}  // namespace
}  // namespace murmur::gossip
