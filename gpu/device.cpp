#include "gpu/device.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <charconv>

#include "gpu/module.hpp"

namespace murmur::gpu {

core::Result<int> count_cuda_devices() {
  // Never closed: the driver does not support being unloaded.
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return core::fail("no NVIDIA driver on this machine");
  const auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
  const auto count = reinterpret_cast<int (*)(int*)>(dlsym(driver, "cuDeviceGetCount"));
  if (init == nullptr || count == nullptr) return core::fail("the NVIDIA driver is incomplete");
  if (const int status = init(0); status != 0) {
    return core::fail(fmt::format("the NVIDIA driver finds no device (cuInit says {})", status));
  }
  int devices = 0;
  if (count(&devices) != 0 || devices == 0) {
    return core::fail("no CUDA device is visible on this machine");
  }
  return devices;
}

core::Result<DeviceChoice> choose_device(std::string_view text) {
  if (text == "cpu") return DeviceChoice{};
  if (text == "auto") {
    const bool cuda = find_cuda_module().has_value() && count_cuda_devices().has_value();
    return DeviceChoice{.cuda = cuda, .ordinal = 0};
  }
  int ordinal = 0;
  bool well_formed = text == "cuda";
  if (constexpr std::string_view kPrefix = "cuda:"; text.starts_with(kPrefix)) {
    const std::string_view digits = text.substr(kPrefix.size());
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), ordinal);
    well_formed = error == std::errc() && end == digits.end() && ordinal >= 0;
  }
  if (!well_formed) {
    return core::fail(fmt::format("device '{}': not auto, cpu, cuda or cuda:N", text));
  }
  if (auto module = find_cuda_module(); !module) {
    return core::fail(fmt::format("device '{}': {}", text, module.error().message));
  }
  const core::Result<int> devices = count_cuda_devices();
  if (!devices) return core::fail(fmt::format("device '{}': {}", text, devices.error().message));
  if (ordinal >= *devices) {
    return core::fail(
        fmt::format("device '{}': the last CUDA device here is cuda:{}", text, *devices - 1));
  }
  return DeviceChoice{.cuda = true, .ordinal = ordinal};
}

std::string to_string(const DeviceChoice& choice) {
  return choice.cuda ? fmt::format("cuda:{}", choice.ordinal) : "cpu";
}

}  // namespace murmur::gpu
