// Slot: an array of an optimizer's numbers, which only training changes. So a peer that no longer
// trains shares it with the copies of its state, and with those that took one over: a fleet's
// simulator holds all of them. cuda/slot.hpp has the same names.
//
// Thread rule: the Context's.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "core/parts.hpp"
#include "gpu/host/context.hpp"

namespace murmur::gpu::host {

class Slot {
 public:
  Slot() = default;
  /// Not written yet.
  Slot(Context& context, std::size_t size) : size_(size), own_(context, size) {}

  [[nodiscard]] const float* data() const {
    return shared_ ? reinterpret_cast<const float*>(shared_->data()) : own_.data();
  }
  /// To be changed: not shared any more.
  float* own(Context& context) {
    if (shared_) {
      own_ = Buffer<float>(context, size_);
      upload(context, own_.data(), data(), size_);
      shared_.reset();
    }
    return own_.data();
  }
  /// Becomes the next part of `to`. False: it is to be copied, for it is larger than a part.
  bool give(Context& context, core::Parts& to) {
    if (bytes() > core::Parts::kSize) return false;
    if (!shared_) {
      auto copy = std::make_shared<core::Bytes>(bytes());
      download(context, reinterpret_cast<float*>(copy->data()), own_.data(), size_);
      share(std::move(copy));
    }
    to.append(shared_);
    return true;
  }
  /// Takes over the part of `from` that begins at `at`. False: it is to be copied, likewise.
  bool take(const core::Parts& from, std::size_t at) {
    if (bytes() > core::Parts::kSize) return false;
    core::Payload part = from.read(at, bytes());
    if (part->size() != bytes()) return false;
    share(std::move(part));
    return true;
  }

 private:
  [[nodiscard]] std::size_t bytes() const { return size_ * sizeof(float); }
  void share(core::Payload part) {
    shared_ = std::move(part);
    own_ = Buffer<float>();
  }

  std::size_t size_ = 0;
  Buffer<float> own_;     ///< none while it is shared
  core::Payload shared_;  ///< null: it is not
};

}  // namespace murmur::gpu::host
