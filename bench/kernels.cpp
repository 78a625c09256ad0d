// bench_kernels [N [ROUNDS]]: the CPU's kernels on one thread; exit status 1 where one is below the
// rate required of it.
#include <cstdlib>

#include "kernels_impl.hpp"

int main(int argc, char** argv) {
  const std::size_t n = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 25;
  murmur::gpu::host::Context context(1);
  std::printf("CPU, one thread, %zu floats, medians of %d rounds\n", n, rounds);
  return murmur::bench::host::run(context, n, rounds, true) ? 0 : 1;
}
