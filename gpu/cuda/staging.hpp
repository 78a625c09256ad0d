// Where the kernels find and leave payloads: on a GPU, in device memory that is kept for the next.
#pragma once

#include <cstddef>

#include "core/bytes.hpp"
#include "gpu/cuda/context.hpp"

namespace murmur::gpu::cuda {

class Staging {
 public:
  explicit Staging(Context& context) : context_(context) {}

  const std::byte* in(core::ByteView payload) {
    std::byte* const memory = at_least(in_, payload.size());
    upload(context_, memory, payload.data(), payload.size());
    return memory;
  }
  /// Memory for what finish() will copy into `payload`.
  std::byte* out(core::Bytes& payload) { return at_least(out_, payload.size()); }
  void finish(core::Bytes& payload) {
    download(context_, payload.data(), out_.data(), payload.size());
  }

 private:
  std::byte* at_least(Buffer<std::byte>& buffer, std::size_t size) {
    if (buffer.size() < size) buffer = Buffer<std::byte>(context_, size);
    return buffer.data();
  }

  Context& context_;
  Buffer<std::byte> in_, out_;
};

}  // namespace murmur::gpu::cuda
