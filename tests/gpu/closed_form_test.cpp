#include "gpu/closed_form.hpp"

#include "replicas_under_test.hpp"

namespace murmur::gpu::test {
namespace {

ReplicaSpec closed_form(const char* model, std::uint64_t stream, float learning_rate = 0.01F) {
  return {.model = *core::parse_model(model),
          .optimizer = {.learning_rate = learning_rate},
          .stream = stream};
}

constexpr const char* kModels[] = {"quadratic:64", "least-squares:64", "quadratic:7",
                                   "least-squares:33"};

TEST_CASE("a closed form nears its own minimiser, and a swarm's mean the common one") {
  for (const char* model : kModels) {
    constexpr std::size_t kPeers = 64;
    std::vector<double> mean;
    double alone = 0;
    double start = 0;
    for (std::uint64_t peer = 0; peer < kPeers; ++peer) {
      const auto replica = make(closed_form(model, peer), {"cpu", {}, 1});
      start = replica->evaluate().loss;
      CHECK(replica->train(4000).finite);
      alone += replica->evaluate().loss / kPeers;
      const std::vector<float> x = parameters(*replica);
      mean.resize(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) mean[i] += double{x[i]} / kPeers;
      CHECK(std::isnan(replica->evaluate().accuracy));
    }
    const auto swarm = make(closed_form(model, 0), {"cpu", {}, 1});
    set_parameters(*swarm, closed_form(model, 0), std::vector<float>(mean.begin(), mean.end()));
    INFO(model << ": start " << start << ", alone " << alone);
    CHECK(alone < start);
    CHECK(swarm->evaluate().loss < alone / 10);
  }
}

TEST_CASE("a closed form repeats, and resumes to the same bits") {
  for (const char* model : kModels) {
    const ReplicaSpec spec = closed_form(model, 3);
    const auto a = make(spec, {"cpu", {}, 1});
    const auto b = make(spec, {"cpu", {}, 1});
    CHECK(a->train(17).loss == b->train(17).loss);
    core::Bytes state, again;
    a->save(state);
    const auto c = make(spec, {"cpu", {}, 1});
    REQUIRE(c->load(state));
    a->train(5);
    c->train(5);
    a->save(state);
    c->save(again);
    CHECK(state == again);
    state[9] ^= std::byte{1};
    CHECK_FALSE(c->load(state));
  }
}

TEST_CASE("closed forms exchange in every codec, and their sum stays") {
  for (const core::Codec codec : {core::Codec::kFp32, core::Codec::kFp16, core::Codec::kInt8}) {
    const auto a = make(closed_form("quadratic:64", 0), {"cpu", {}, 1});
    const auto b = make(closed_form("quadratic:64", 1), {"cpu", {}, 1});
    a->train(100);
    b->train(100);
    const std::vector<float> x = parameters(*a), y = parameters(*b);
    core::Bytes offer, q;
    const core::Codec offered = a->offer(0, codec, offer);
    core::Codec used = codec;
    REQUIRE(b->respond(0, offered, offer, used, 1, 0.5F, q));
    REQUIRE(a->absorb(0, used, q, 0.5F));
    const std::vector<float> x2 = parameters(*a), y2 = parameters(*b);
    for (std::size_t i = 0; i < x.size(); ++i) {
      CHECK(double{x2[i]} + double{y2[i]} == Approx(double{x[i]} + double{y[i]}).margin(1e-6));
    }
  }
}

}  // namespace
}  // namespace murmur::gpu::test
