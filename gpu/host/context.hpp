// The CPU backend: memory, copies, element-wise loops and matrix products. cuda/context.hpp has
// the same names with the same signatures; on the CPU everything has completed when it returns.
//
// Thread rule: a Context belongs to one thread (the compute lane); with threads() > 1 it shares
// large operations out over TBB and waits for them. Results do not depend on scheduling.
#pragma once

#include <thrust/copy.h>
#include <thrust/execution_policy.h>
#include <thrust/fill.h>
#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/system/tbb/execution_policy.h>
#include <thrust/version.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "gpu/shared/hd.hpp"
#include "gpu/shared/product.hpp"

namespace murmur::gpu::host {

static_assert(THRUST_VERSION >= 101700, "murmur needs Thrust 1.17, 2.x or 3.x");
static_assert(THRUST_VERSION / 100 == MURMUR_THRUST_PINNED,
              "another Thrust than the one CMake pinned is first on the include path");

class Context {
 public:
  /// Below this many elements sharing out costs more than it saves.
  static constexpr std::size_t kParallelMin = 100'000;

  /// `threads` >= 1; at 1 nothing is ever shared out.
  explicit Context(int threads);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Makes the context's device the calling thread's: nothing to do on the CPU.
  void activate() const {}
  [[nodiscard]] int threads() const { return threads_; }
  /// Waits for all that was started: nothing to wait for on the CPU.
  void synchronize() const {}

  /// Calls f(policy) with the Thrust execution policy for an operation over `n` elements.
  template <class F>
  void with_policy(std::size_t n, F&& f) {
    if (threads_ == 1 || n < kParallelMin) {
      f(thrust::seq);
    } else {
      in_arena([&] { f(thrust::tbb::par); });
    }
  }

  /// Calls f(0) .. f(count - 1), each once, over the threads where there are several.
  template <class F>
  void for_each_task(std::size_t count, F&& f) {
    if (threads_ == 1 || count == 1) {
      for (std::size_t i = 0; i < count; ++i) f(i);
    } else {
      using Task = std::remove_reference_t<F>;
      run_tasks(
          count, [](void* self, std::size_t i) { (*static_cast<Task*>(self))(i); },
          const_cast<void*>(static_cast<const void*>(std::addressof(f))));
    }
  }

 private:
  template <class F>
  void in_arena(F&& f) {
    run_in_arena([](void* self) { (*static_cast<F*>(self))(); },
                 const_cast<void*>(static_cast<const void*>(std::addressof(f))));
  }
  void run_in_arena(void (*call)(void*), void* self);
  void run_tasks(std::size_t count, void (*call)(void*, std::size_t), void* self);

  int threads_;
  struct Arena;
  std::unique_ptr<Arena> arena_;  ///< null at one thread
};

/// `n` uninitialised elements, aligned for the widest vector unit.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(Context&, std::size_t n)
      : data_(n == 0 ? nullptr
                     : static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{kAlign}))),
        size_(n) {}
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Buffer() { ::operator delete (data_, std::align_val_t{kAlign}); }

  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kAlign = 64;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// What a kernel reads of the backend's memory when it runs, at `from`: on the CPU that is at once.
template <class T>
class Argument {
 public:
  explicit Argument(const T* from) : value_(*from) {}
  const T& operator*() const { return value_; }
  const T* operator->() const { return &value_; }

 private:
  T value_;
};

/// One value to the backend, in order with later work; nothing is waited for.
template <class T>
void put(Context&, T* dst, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  *dst = value;
}
/// Within the backend; the ranges do not overlap.
template <class T>
void copy(Context& context, T* dst, const T* src, std::size_t n) {
  static_assert(std::is_trivially_copyable_v<T>);
  context.with_policy(n, [&](auto policy) { thrust::copy_n(policy, src, n, dst); });
}
/// Host to backend. `src` may be reused when it returns; the copy is in order with later work.
template <class T>
void upload(Context& context, T* dst, const T* src, std::size_t n) {
  copy(context, dst, src, n);
}
/// Backend to host; `dst` is complete when it returns.
template <class T>
void download(Context& context, T* dst, const T* src, std::size_t n) {
  copy(context, dst, src, n);
}
template <class T>
void fill(Context& context, T* dst, std::size_t n, T value) {
  context.with_policy(n, [&](auto policy) { thrust::fill_n(policy, dst, n, value); });
}

/// Calls f(i) for i in [0, n): `f` is a functor with a MURMUR_HD operator()(std::size_t) const,
/// holding raw pointers of this backend. No order is promised.
template <class F>
void for_each_index(Context& context, std::size_t n, F f) {
  context.with_policy(n, [&](auto policy) {
    thrust::for_each_n(policy, thrust::counting_iterator<std::size_t>(0), n, f);
  });
}

void gemm(Context&, const Product&, const float* a, const float* b, float* c);

}  // namespace murmur::gpu::host
