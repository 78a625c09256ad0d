// What a replica promises the protocol: repeatable training, exchanges that conserve the sum, and
// states that are restored whole or not at all.
#include <cstring>

#include "replicas_under_test.hpp"

namespace murmur::gpu::test {
namespace {

core::Bytes saved(core::Replica& replica) {
  core::Bytes state;
  replica.save(state);
  return state;
}

OptimizerSpec optimizer_of(OptimizerKind kind) {
  return {.kind = kind, .learning_rate = 0.01F, .weight_decay = 0.01F};
}
constexpr OptimizerKind kKinds[] = {OptimizerKind::kSgd, OptimizerKind::kAdam,
                                    OptimizerKind::kAdamW};

TEST_CASE("the same seed and stream train to the same bits") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    const ReplicaSpec spec = small_classifier();
    const auto a = make(spec, device);
    const auto b = make(spec, device);
    INFO(device.name);
    for (const std::uint32_t steps : {1U, 7U, 30U})
      CHECK(a->train(steps).loss == b->train(steps).loss);
    CHECK(saved(*a) == saved(*b));
  }
}

TEST_CASE("peers of one seed start alike and see their rows in orders of their own") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    ReplicaSpec spec = small_classifier();
    const auto a = make(spec, device);
    spec.stream = 1;
    const auto b = make(spec, device);
    spec.seed = 2;
    const auto c = make(spec, device);
    INFO(device.name);
    CHECK(parameters(*a) == parameters(*b));
    CHECK(parameters(*a) != parameters(*c));
    a->train(3);
    b->train(3);
    CHECK(parameters(*a) != parameters(*b));
  }
}

TEST_CASE("a restored replica goes on to the same bits") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    for (const OptimizerKind kind : kKinds) {
      ReplicaSpec spec = small_classifier();
      spec.optimizer = optimizer_of(kind);
      const auto a = make(spec, device);
      a->train(9);  // into the second epoch
      const core::Bytes state = saved(*a);
      const auto b = make(spec, device);
      REQUIRE(b->load(state));
      INFO(device.name << ", optimizer " << static_cast<int>(kind));
      CHECK(saved(*b) == state);
      CHECK(a->train(20).loss == b->train(20).loss);
      CHECK(saved(*a) == saved(*b));
    }
  }
}

TEST_CASE("a restored replica goes on with the stream that its state is of, whatever its own was") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    INFO(device.name);
    ReplicaSpec spec = small_classifier();
    spec.model = *core::make_network(
        "dropping", {5},
        core::in_sequence({core::LinearSpec{8}, core::DropoutSpec{0.5}, core::LinearSpec{3}}));
    spec.stream = 3;
    const auto a = make(spec, device);
    a->train(9);  // into the second epoch
    spec.stream = 9;
    const auto b = make(spec, device);
    REQUIRE(b->load(saved(*a)));
    CHECK(a->train(20).loss == b->train(20).loss);
    CHECK(saved(*a) == saved(*b));
  }
}

TEST_CASE("a newcomer adopts parameters and optimizer, and keeps its place in its data") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    ReplicaSpec spec = small_classifier();
    const auto donor = make(spec, device);
    donor->train(9);
    spec.stream = 5;
    const auto newcomer = make(spec, device);
    newcomer->train(2);
    const auto twin = make(spec, device);
    twin->train(2);

    REQUIRE(newcomer->adopt(donor->snapshot()));
    INFO(device.name);
    CHECK(parameters(*newcomer) == parameters(*donor));
    // From the donor's whole state, but at the twin's place: the next batches are the twin's.
    core::Bytes expected = saved(*donor);
    const core::Bytes twins = saved(*twin);
    constexpr std::size_t kPlace = 40, kPlaceSize = 24;  // epoch, position, stream in the header
    std::memcpy(expected.data() + kPlace, twins.data() + kPlace, kPlaceSize);
    seal_state(expected);
    CHECK(saved(*newcomer) == expected);
  }
}

TEST_CASE("of another optimizer's state the parameters are adopted, and one's own begins anew") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    INFO(device.name);
    ReplicaSpec spec = small_classifier();
    const auto donor = make(spec, device);
    donor->train(9);
    spec.optimizer = optimizer_of(OptimizerKind::kAdam);
    const auto newcomer = make(spec, device);
    newcomer->train(4);
    REQUIRE(newcomer->adopt(donor->snapshot()));
    CHECK(parameters(*newcomer) == parameters(*donor));
    const core::Snapshot now = newcomer->snapshot();
    CHECK(now.optimizer_steps == 0);
    const std::size_t plane = newcomer->schema().parameters() * sizeof(float);
    core::Bytes planes(now.planes.size());
    now.planes.copy_to(planes);
    CHECK(std::all_of(planes.begin() + static_cast<std::ptrdiff_t>(plane), planes.end(),
                      [](std::byte b) { return b == std::byte{0}; }));
  }
}

core::Bytes whole(const core::Snapshot& state) {
  core::Bytes bytes(state.planes.size());
  state.planes.copy_to(bytes);
  return bytes;
}

TEST_CASE("a copy of a state stays as it was, whoever trains on from it, and in whatever parts") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    for (const OptimizerKind kind : kKinds) {
      INFO(device.name);
      ReplicaSpec spec = small_classifier();
      spec.model = *core::parse_model("mlp:5-300-3");  // planes that are parts of their own
      spec.optimizer = optimizer_of(kind);
      const auto donor = make(spec, device);
      donor->train(5);
      const core::Snapshot copy = donor->snapshot();
      const core::Bytes was = whole(copy);
      CHECK(whole(donor->snapshot()) == was);

      core::Snapshot in_pieces{copy.kind, copy.optimizer_steps, {}};
      for (std::size_t at = 0; at < was.size(); at += 4999) {
        const core::ByteView rest = core::ByteView(was).subspan(at);
        in_pieces.planes.append(rest.first(std::min<std::size_t>(4999, rest.size())));
      }
      const auto newcomer = make(spec, device);
      const auto other = make(spec, device);
      REQUIRE(newcomer->adopt(copy));
      REQUIRE(other->adopt(in_pieces));
      CHECK(whole(newcomer->snapshot()) == was);
      CHECK(saved(*newcomer) == saved(*other));
      donor->train(3);
      CHECK(whole(newcomer->snapshot()) == was);
      newcomer->train(3);
      other->train(3);
      CHECK(saved(*newcomer) == saved(*other));
      CHECK(whole(copy) == was);
      CHECK(whole(donor->snapshot()) != was);
    }
  }
}

TEST_CASE("what is no snapshot of this model is not adopted, and changes nothing") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    INFO(device.name);
    const auto replica = make(small_classifier(), device);
    replica->train(1);
    const core::Bytes before = saved(*replica);
    core::Snapshot shorter = replica->snapshot();
    shorter.planes.truncate(shorter.planes.size() - 4);
    CHECK_FALSE(replica->adopt(shorter));
    core::Snapshot not_finite = replica->snapshot();
    const float nan = std::nanf("");
    core::Bytes planes(not_finite.planes.size());
    not_finite.planes.copy_to(planes);
    std::memcpy(planes.data() + 8, &nan, sizeof nan);
    not_finite.planes = {};
    not_finite.planes.append(planes);
    CHECK_FALSE(replica->adopt(not_finite));
    core::Snapshot nothing = replica->snapshot();
    nothing.kind.planes.clear();
    nothing.planes = {};
    CHECK_FALSE(replica->adopt(nothing));
    CHECK(saved(*replica) == before);
  }
}

TEST_CASE("the rate follows its schedule, in which a newcomer takes its donor's place") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    INFO(device.name);
    for (const OptimizerKind kind : kKinds) {
      ReplicaSpec spec = small_classifier();
      spec.optimizer = optimizer_of(kind);
      ReplicaSpec quarter = spec;
      quarter.optimizer.learning_rate /= 4;
      spec.optimizer.schedule = {.kind = Schedule::Kind::kCosine, .warmup = 4, .horizon = 9};
      const auto donor = make(spec, device);
      const auto slow = make(quarter, device);
      donor->train(1);
      slow->train(1);
      CHECK(parameters(*donor) == parameters(*slow));
      donor->train(8);
      const std::vector<float> ended = parameters(*donor);
      const auto newcomer = make(spec, device);
      REQUIRE(newcomer->adopt(donor->snapshot()));
      newcomer->train(3);
      CHECK(parameters(*newcomer) == ended);
    }
  }
}

TEST_CASE("a replica begins from the parameters that it is given") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    ReplicaSpec spec = small_classifier();
    const auto trained = make(spec, device);
    trained->train(5);
    spec.initial = std::make_shared<const std::vector<float>>(parameters(*trained));
    INFO(device.name);
    CHECK(parameters(*make(spec, device)) == *spec.initial);
  }
}

TEST_CASE("bytes that are no state of this replica are refused and change nothing") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    const ReplicaSpec spec = small_classifier();
    const auto donor = make(spec, device);
    donor->train(3);
    const core::Bytes good = saved(*donor);
    const auto replica = make(spec, device);
    replica->train(1);
    const core::Bytes before = saved(*replica);
    INFO(device.name);

    for (std::size_t size = 0; size < good.size(); size += 61) {
      CHECK_FALSE(replica->load(core::ByteView(good).first(size)));
    }
    core::Bytes longer = good;
    longer.push_back(std::byte{0});
    CHECK_FALSE(replica->load(longer));
    for (std::size_t i = 0; i < good.size(); i += 7) {
      core::Bytes damaged = good;
      damaged[i] ^= std::byte{0x10};
      INFO("byte " << i);
      CHECK_FALSE(replica->load(damaged));
    }
    core::Bytes not_finite = good;
    state_arrays(not_finite)[3] = std::nanf("");
    seal_state(not_finite);
    CHECK_FALSE(replica->load(not_finite));
    ReplicaSpec other = spec;
    other.optimizer.kind = OptimizerKind::kAdam;
    CHECK_FALSE(replica->load(saved(*make(other, device))));
    other = spec;
    other.model = *core::parse_model("mlp:5-6-8-3");
    CHECK_FALSE(replica->load(saved(*make(other, device))));

    CHECK(saved(*replica) == before);
    CHECK(replica->load(good));
  }
}

TEST_CASE("an exchange leaves the sum of the pair, whatever the codec and the shard") {
  for (const DeviceUnderTest& device : devices_under_test()) {
    ReplicaSpec spec = small_classifier();
    spec.shard_parameters = 50;  // 123 parameters: the last shard is short
    for (const core::Codec codec : {core::Codec::kFp32, core::Codec::kFp16, core::Codec::kInt8}) {
      const auto a = make(spec, device);
      spec.stream = 1;
      const auto b = make(spec, device);
      spec.stream = 0;
      a->train(20);
      b->train(20);
      const std::vector<float> x = parameters(*a), y = parameters(*b);
      core::Bytes offer, q;
      for (core::ShardId shard = 0; shard < a->schema().shards(); ++shard) {
        const core::Codec offered = a->offer(shard, codec, offer);
        core::Codec used = codec;
        REQUIRE(b->respond(shard, offered, offer, used, 17, 0.5F, q));
        const auto mixed = a->absorb(shard, used, q, 0.5F);
        REQUIRE(mixed);
        CHECK(mixed->distance > 0);
      }
      const std::vector<float> x2 = parameters(*a), y2 = parameters(*b);
      INFO(device.name << ", " << core::to_string(codec));
      double apart = 0, still_apart = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        CHECK(double{x2[i]} + double{y2[i]} == Approx(double{x[i]} + double{y[i]}).margin(1e-6));
        apart += std::abs(x[i] - y[i]);
        still_apart += std::abs(x2[i] - y2[i]);
      }
      CHECK(still_apart < 0.25 * apart);
      core::Codec used = codec;
      CHECK_FALSE(b->respond(0, codec, core::ByteView(offer), used, 1, 0.5F, q));
      CHECK_FALSE(a->absorb(0, codec, core::ByteView(offer), 0.5F));
      CHECK(parameters(*a) == x2);
    }
  }
}

}  // namespace
}  // namespace murmur::gpu::test
