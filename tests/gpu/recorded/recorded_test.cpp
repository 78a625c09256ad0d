// What tests/gpu/cuda/graph_test.cpp says of a GPU, on a backend that needs none: a step is
// captured as calls with their arguments, and these take every step that comes after. Who allocates
// or waits in a step, or hands a call what is of that step alone, breaks it.
#include "../graph_cases.hpp"
#include "gpu/host/convolution.hpp"
#include "gpu/shared/network_replica.hpp"

// The cases neither exchange nor convolve.
namespace murmur::gpu::host {
struct ExchangeKernels::Scratch {};
ExchangeKernels::ExchangeKernels(Context& context) : context_(context) {}
ExchangeKernels::~ExchangeKernels() = default;
core::Codec ExchangeKernels::offer(const float*, std::size_t, core::Codec, core::Bytes&) {
  context_.activate();  // so that clang sees it used
  CHECK_INVARIANT(false);
}
core::Result<core::MixStats> ExchangeKernels::respond(float*, std::size_t, core::Codec,
                                                      core::ByteView, core::Codec&, std::uint64_t,
                                                      float, core::Bytes&) {
  CHECK_INVARIANT(false);
}
core::Result<core::MixStats> ExchangeKernels::absorb(float*, std::size_t, core::Codec,
                                                     core::ByteView, float) {
  CHECK_INVARIANT(false);
}
Convolution::Convolution(const Windows&) { CHECK_INVARIANT(false); }
std::size_t Convolution::scratch() const { return 0; }
void Convolution::forward(Context&, std::size_t, const float*, const float*, const float*, bool,
                          float*, float*) const {}
void Convolution::backward(Context&, std::size_t, const float*, const float*, const float*, float*,
                           float*, float*, float*) const {}
}  // namespace murmur::gpu::host

namespace murmur::gpu::test {
namespace {

struct Recorded {
  explicit Recorded(const ReplicaSpec& spec)
      : replica(std::unique_ptr<host::Context>(context), spec,
                std::make_shared<host::Workspace>()) {}
  core::Bytes state() {
    core::Bytes saved;
    replica.save(saved);
    return saved;
  }
  host::Context* context = new host::Context;  // the replica's
  host::NetworkReplica replica;
};

TEST_CASE("the calls of one step, with the arguments they had, take those after it") {
  for (const auto& [name, spec] : graph_cases()) {
    INFO(name);
    Recorded ordinary(spec);
    ordinary.replica.train(kGraphSteps);

    Recorded repeated(spec);
    repeated.replica.train(1);
    repeated.replica.begin_step();
    repeated.context->begin_capture();
    repeated.replica.run_step();
    repeated.context->end_capture();
    REQUIRE(repeated.context->captured() > 10);
    repeated.context->launch();
    for (std::uint32_t i = 2; i < kGraphSteps; ++i) {
      repeated.replica.begin_step();
      repeated.context->launch();
    }
    CHECK(repeated.state() == ordinary.state());
  }
}

}  // namespace
}  // namespace murmur::gpu::test
