// Where to train: reads --device, and asks the CUDA driver library whether there is a device,
// without loading the CUDA runtime or cuBLAS (600 MB of mappings that a CPU peer never needs).
//
// Thread rule: any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"

namespace murmur::gpu {

struct DeviceChoice {
  bool cuda = false;
  int ordinal = 0;  ///< of the CUDA device
};

/// `text` is auto, cpu, cuda or cuda:N. `auto` is the first CUDA device where there is one and this
/// build has the CUDA module, otherwise the CPU.
core::Result<DeviceChoice> choose_device(std::string_view text);

/// "cpu", "cuda:0"
std::string to_string(const DeviceChoice& choice);

/// CUDA devices the driver shows; an Error says in one line why there are none.
core::Result<int> count_cuda_devices();

}  // namespace murmur::gpu
