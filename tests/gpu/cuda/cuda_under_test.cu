#include "../kernels_under_test_impl.hpp"
#include "core/check.hpp"

namespace murmur::gpu::test {

std::vector<std::unique_ptr<KernelsUnderTest>>& kernels_under_test() {
  static auto kernels = [] {
    std::vector<std::unique_ptr<KernelsUnderTest>> all;
    auto context = cuda::Context::open(0);
    CHECK_INVARIANT(context.has_value());  // main() has looked for a device
    all.push_back(std::make_unique<cuda::BackendUnderTest>("cuda:0", std::move(*context)));
    return all;
  }();
  return kernels;
}

}  // namespace murmur::gpu::test
