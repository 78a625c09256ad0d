#include "../replicas_under_test.hpp"

namespace murmur::gpu::test {

const std::vector<DeviceUnderTest>& devices_under_test() {
  static const std::vector<DeviceUnderTest> devices = {{"cuda:0", {.cuda = true, .ordinal = 0}, 1}};
  return devices;
}

}  // namespace murmur::gpu::test
