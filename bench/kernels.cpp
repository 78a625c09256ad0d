// bench_kernels [N [ROUNDS]]: the CPU's kernels on one thread; exit status 1 where one is below the
// rate required of it.
#include <charconv>
#include <cstring>

#include "kernels_impl.hpp"

namespace {

constexpr std::size_t kFloatsMax = 1'000'000'000;
constexpr std::size_t kRoundsMax = 10'000;

/// A whole number from 1 to `max`.
bool read(const char* text, std::size_t max, std::size_t& number) {
  const char* end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, number);
  return error == std::errc() && rest == end && number >= 1 && number <= max;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t n = 10'000'000;
  std::size_t rounds = 25;
  if (argc > 3 || (argc > 1 && !read(argv[1], kFloatsMax, n)) ||
      (argc > 2 && !read(argv[2], kRoundsMax, rounds))) {
    std::fprintf(stderr, "usage: bench_kernels [FLOATS 1..%zu [ROUNDS 1..%zu]]\n", kFloatsMax,
                 kRoundsMax);
    return 2;
  }
  murmur::gpu::host::Context context(1);
  std::printf("CPU, one thread, %zu floats, medians of %zu rounds\n", n, rounds);
  return murmur::bench::host::run(context, n, static_cast<int>(rounds), true) ? 0 : 1;
}
