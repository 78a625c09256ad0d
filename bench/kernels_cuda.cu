// bench_kernels_cuda [N [ROUNDS]]: the same table for CUDA device 0.
#include <cstdlib>

#include "gpu/device.hpp"
#include "kernels_impl.hpp"

int main(int argc, char** argv) {
  namespace cuda = murmur::gpu::cuda;
  const std::size_t n = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 25;
  if (const auto devices = murmur::gpu::count_cuda_devices(); !devices) {
    std::printf("skipped: %s\n", devices.error().message.c_str());
    return 0;
  }
  auto context = cuda::Context::open(0);
  if (!context) {
    std::fprintf(stderr, "%s\n", context.error().message.c_str());
    return 1;
  }
  std::printf(
      "CUDA device 0, %zu floats, medians of %d rounds; each pass ends in a synchronisation\n", n,
      rounds);
  murmur::bench::cuda::run(**context, n, rounds, false);
  return 0;
}
