#include "replicas_under_test.hpp"

namespace murmur::gpu::test {

const std::vector<DeviceUnderTest>& devices_under_test() {
  static const std::vector<DeviceUnderTest> devices = {{"cpu, 1 thread", {}, 1},
                                                       {"cpu, 3 threads", {}, 3}};
  return devices;
}

}  // namespace murmur::gpu::test
