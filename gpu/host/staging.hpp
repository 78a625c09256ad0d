// Where the kernels find and leave payloads: on the CPU, where they are.
#pragma once

#include <cstddef>

#include "core/bytes.hpp"
#include "gpu/host/context.hpp"

namespace murmur::gpu::host {

class Staging {
 public:
  explicit Staging(Context&) {}
  const std::byte* in(core::ByteView payload) { return payload.data(); }
  std::byte* out(core::Bytes& payload) { return payload.data(); }
  void finish(core::Bytes&) {}
};

}  // namespace murmur::gpu::host
