// The CUDA backend: memory, copies, element-wise kernels and matrix products on one stream of one
// device. host/context.hpp has the same names with the same signatures. Nothing here waits for the
// device but download(), synchronize(), and upload() for its copy before the last; so a step built
// from the rest runs ahead of the CPU. All but those and Buffer's, which allocates, can be captured
// as a graph, which repeats the calls with the arguments they had: what is to differ each time
// is put() before, and read through an Argument. A step of a network is such
// (NetworkReplica::run_step), which tests/gpu/recorded shows of a stand-in for a device;
// tests/gpu/cuda/graph_test.cpp is to show it of one, and none has run it yet. train() launches
// each kernel on its own.
//
// Thread rule: a Context belongs to one thread (the compute lane).
// A CUDA call that fails once the device was opened is a bug or a lost device: it stops the process
// with one line.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <thrust/copy.h>
#include <thrust/execution_policy.h>
#include <thrust/fill.h>
#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/system/cuda/execution_policy.h>
#include <thrust/version.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "core/result.hpp"
#include "gpu/shared/hd.hpp"
#include "gpu/shared/product.hpp"

namespace murmur::gpu::cuda {

static_assert(THRUST_VERSION >= 101700, "murmur needs Thrust 1.17, 2.x or 3.x");
static_assert(THRUST_VERSION / 100 == MURMUR_THRUST_PINNED,
              "another Thrust than the one CMake pinned is first on the include path");

[[noreturn]] void cuda_failed(const char* what, const char* error, const char* file, int line);

#define MURMUR_CUDA_CHECK(call)                                                                 \
  do {                                                                                          \
    if (const cudaError_t status_ = (call); status_ != cudaSuccess) {                           \
      ::murmur::gpu::cuda::cuda_failed(#call, cudaGetErrorString(status_), __FILE__, __LINE__); \
    }                                                                                           \
  } while (false)

class Context {
 public:
  /// Opens device `ordinal`, or says why it cannot.
  static core::Result<std::unique_ptr<Context>> open(int ordinal);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Makes this device the calling thread's: call it first in whatever the lane's thread enters by.
  void activate() const { MURMUR_CUDA_CHECK(cudaSetDevice(ordinal_)); }
  [[nodiscard]] cudaStream_t stream() const { return stream_; }
  [[nodiscard]] cublasHandle_t cublas() const { return cublas_; }
  [[nodiscard]] int multiprocessors() const { return multiprocessors_; }
  /// Waits for all that was started.
  void synchronize() const { MURMUR_CUDA_CHECK(cudaStreamSynchronize(stream_)); }

  /// Calls f(policy) with the Thrust execution policy for an operation over `n` elements.
  template <class F>
  void with_policy(std::size_t, F&& f) {
    f(thrust::cuda::par_nosync.on(stream_));
  }

  /// Copies through pinned memory; upload() and download() are the typed forms.
  void upload_bytes(void* dst, const void* src, std::size_t bytes);
  void download_bytes(void* dst, const void* src, std::size_t bytes);

 private:
  explicit Context(int ordinal);

  /// Pinned memory in use by the device until `done`.
  struct Staging {
    void* memory = nullptr;
    cudaEvent_t done = nullptr;
  };
  static constexpr std::size_t kStagingBytes = std::size_t{1} << 20;

  int ordinal_;
  int multiprocessors_ = 0;
  cudaStream_t stream_ = nullptr;
  cublasHandle_t cublas_ = nullptr;
  void* cublas_workspace_ = nullptr;
  std::array<Staging, 2> staging_;
  std::size_t next_staging_ = 0;
};

/// `n` uninitialised elements of device memory.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(Context&, std::size_t n) : size_(n) {
    if (n > 0) MURMUR_CUDA_CHECK(cudaMalloc(reinterpret_cast<void**>(&data_), n * sizeof(T)));
  }
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Buffer() { cudaFree(data_); }

  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// What a kernel reads of the backend's memory when it runs, at `from`: so a launch that was
/// captured finds there what was last put there.
template <class T>
class Argument {
 public:
  explicit Argument(const T* from) : from_(from) {}
  MURMUR_HD const T& operator*() const { return *from_; }
  MURMUR_HD const T* operator->() const { return from_; }

 private:
  const T* from_;
};

/// Within the backend; the ranges do not overlap.
template <class T>
void copy(Context& context, T* dst, const T* src, std::size_t n) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (n == 0) return;
  MURMUR_CUDA_CHECK(
      cudaMemcpyAsync(dst, src, n * sizeof(T), cudaMemcpyDeviceToDevice, context.stream()));
}
/// Host to backend. `src` may be reused when it returns; the copy is in order with later work.
template <class T>
void upload(Context& context, T* dst, const T* src, std::size_t n) {
  static_assert(std::is_trivially_copyable_v<T>);
  context.upload_bytes(dst, src, n * sizeof(T));
}
/// Backend to host; `dst` is complete when it returns.
template <class T>
void download(Context& context, T* dst, const T* src, std::size_t n) {
  static_assert(std::is_trivially_copyable_v<T>);
  context.download_bytes(dst, src, n * sizeof(T));
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

template <class T>
struct PutValue {
  T* to;
  T value;
  MURMUR_HD void operator()(std::size_t) const { *to = value; }
};
/// One value to the backend, in order with later work; nothing is waited for: it is the argument of
/// a launch.
template <class T>
void put(Context& context, T* dst, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  for_each_index(context, 1, PutValue<T>{dst, value});
}

void gemm(Context&, const Product&, const float* a, const float* b, float* c);

}  // namespace murmur::gpu::cuda
