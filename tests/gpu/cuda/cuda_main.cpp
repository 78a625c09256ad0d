// The suite on a CUDA device; skipped, with the reason, on a machine without one.
#define CATCH_CONFIG_RUNNER
#include <cstdio>

#include "../../catch.hpp"
#include "gpu/device.hpp"

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;  // ctest's SKIP_RETURN_CODE
  const auto devices = murmur::gpu::count_cuda_devices();
  if (!devices) {
    std::printf("skipped: %s\n", devices.error().message.c_str());
    return kSkipped;
  }
  return Catch::Session().run(argc, argv);
}
