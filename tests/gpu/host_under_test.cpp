#include "kernels_under_test_impl.hpp"

namespace murmur::gpu::test {

std::vector<std::unique_ptr<KernelsUnderTest>>& kernels_under_test() {
  static auto kernels = [] {
    std::vector<std::unique_ptr<KernelsUnderTest>> all;
    all.push_back(std::make_unique<host::BackendUnderTest>("cpu, 1 thread",
                                                           std::make_unique<host::Context>(1)));
    all.push_back(std::make_unique<host::BackendUnderTest>("cpu, 3 threads",
                                                           std::make_unique<host::Context>(3)));
    return all;
  }();
  return kernels;
}

}  // namespace murmur::gpu::test
