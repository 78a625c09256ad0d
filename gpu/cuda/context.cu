#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "gpu/cuda/context.hpp"

namespace murmur::gpu::cuda {
namespace {

constexpr std::size_t kCublasWorkspaceBytes = std::size_t{32} << 20;

void cublas_check(cublasStatus_t status, const char* what, int line) {
  if (status != CUBLAS_STATUS_SUCCESS) {
    cuda_failed(what, cublasGetStatusString(status), __FILE__, line);
  }
}

/// Major * 100 + minor * 10, the oldest that this file was compiled for.
constexpr int kOldestArchitecture = std::min({__CUDA_ARCH_LIST__});

}  // namespace

void cuda_failed(const char* what, const char* error, const char* file, int line) {
  std::fprintf(stderr, "murmur: CUDA: %s: %s (%s:%d)\n", what, error, file, line);
  std::abort();
}

core::Result<std::unique_ptr<Context>> Context::open(int ordinal) {
  const std::string who = "cuda:" + std::to_string(ordinal) + ": ";
  int devices = 0;
  if (const cudaError_t status = cudaGetDeviceCount(&devices); status != cudaSuccess) {
    return core::fail(who + cudaGetErrorString(status));
  }
  if (ordinal < 0 || ordinal >= devices) {
    return core::fail(who + "this machine has " + std::to_string(devices) + " CUDA device(s)");
  }
  int major = 0, minor = 0;
  cudaError_t status = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, ordinal);
  if (status == cudaSuccess) {
    status = cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, ordinal);
  }
  if (status != cudaSuccess) return core::fail(who + cudaGetErrorString(status));
  if (major * 100 + minor * 10 < kOldestArchitecture) {
    const auto version = [](int a, int b) { return std::to_string(a) + "." + std::to_string(b); };
    return core::fail(who + "its compute capability is " + version(major, minor) + ", below the " +
                      version(kOldestArchitecture / 100, kOldestArchitecture % 100 / 10) +
                      " that this murmur is built for");
  }
  // The first call that makes a context on the device: it fails when another process owns it.
  status = cudaSetDevice(ordinal);
  if (status == cudaSuccess) status = cudaFree(nullptr);
  if (status != cudaSuccess) return core::fail(who + cudaGetErrorString(status));
  return std::unique_ptr<Context>(new Context(ordinal));
}

Context::Context(int ordinal) : ordinal_(ordinal) {
  MURMUR_CUDA_CHECK(
      cudaDeviceGetAttribute(&multiprocessors_, cudaDevAttrMultiProcessorCount, ordinal));
  MURMUR_CUDA_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
  cublas_check(cublasCreate(&cublas_), "cublasCreate", __LINE__);
  cublas_check(cublasSetStream(cublas_, stream_), "cublasSetStream", __LINE__);
  // A workspace of our own: cuBLAS may then not allocate in the step, nor while a graph is
  // captured.
  MURMUR_CUDA_CHECK(cudaMalloc(&cublas_workspace_, kCublasWorkspaceBytes));
  cublas_check(cublasSetWorkspace(cublas_, cublas_workspace_, kCublasWorkspaceBytes),
               "cublasSetWorkspace", __LINE__);
  for (Staging& staging : staging_) {
    MURMUR_CUDA_CHECK(cudaMallocHost(&staging.memory, kStagingBytes));
    MURMUR_CUDA_CHECK(cudaEventCreateWithFlags(&staging.done, cudaEventDisableTiming));
  }
}

Context::~Context() {
  cudaStreamSynchronize(stream_);
  for (Staging& staging : staging_) {
    cudaEventDestroy(staging.done);
    cudaFreeHost(staging.memory);
  }
  cublasDestroy(cublas_);
  cudaFree(cublas_workspace_);
  cudaStreamDestroy(stream_);
}

void Context::upload_bytes(void* dst, const void* src, std::size_t bytes) {
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t piece = std::min(kStagingBytes, bytes - done);
    Staging& staging = staging_[next_staging_++ % staging_.size()];
    MURMUR_CUDA_CHECK(cudaEventSynchronize(staging.done));  // its last copy; long over, mostly
    std::memcpy(staging.memory, static_cast<const char*>(src) + done, piece);
    MURMUR_CUDA_CHECK(cudaMemcpyAsync(static_cast<char*>(dst) + done, staging.memory, piece,
                                      cudaMemcpyHostToDevice, stream_));
    MURMUR_CUDA_CHECK(cudaEventRecord(staging.done, stream_));
    done += piece;
  }
}

void Context::download_bytes(void* dst, const void* src, std::size_t bytes) {
  // The device fills one piece of staging memory while the CPU empties the other.
  std::array<std::size_t, 2> begin{}, size{};
  const auto drain = [&](std::size_t slot) {
    if (size[slot] == 0) return;
    MURMUR_CUDA_CHECK(cudaEventSynchronize(staging_[slot].done));
    std::memcpy(static_cast<char*>(dst) + begin[slot], staging_[slot].memory, size[slot]);
    size[slot] = 0;
  };
  std::size_t slot = 0;
  for (std::size_t done = 0; done < bytes; slot ^= 1) {
    drain(slot);
    begin[slot] = done;
    size[slot] = std::min(kStagingBytes, bytes - done);
    // In stream order, so after any upload that still reads this piece.
    MURMUR_CUDA_CHECK(cudaMemcpyAsync(staging_[slot].memory, static_cast<const char*>(src) + done,
                                      size[slot], cudaMemcpyDeviceToHost, stream_));
    MURMUR_CUDA_CHECK(cudaEventRecord(staging_[slot].done, stream_));
    done += size[slot];
  }
  drain(slot);
  drain(slot ^ 1);
}

void gemm(Context& context, const Product& p, const float* a, const float* b, float* c) {
  if (p.m == 0 || p.n == 0 || p.batch == 0) return;
  // cuBLAS is column-major: it sees every matrix transposed, and C' = op(B)' op(A)'.
  const auto integer = [](std::size_t n) { return static_cast<int>(n); };
  const auto next = [](std::size_t n) { return static_cast<long long>(n); };
  cublas_check(
      cublasSgemmStridedBatched(context.cublas(), p.trans_b ? CUBLAS_OP_T : CUBLAS_OP_N,
                                p.trans_a ? CUBLAS_OP_T : CUBLAS_OP_N, integer(p.n), integer(p.m),
                                integer(p.k), &p.alpha, b, integer(p.b_row()), next(p.b_next), a,
                                integer(p.a_row()), next(p.a_next), &p.beta, c, integer(p.c_row()),
                                next(p.c_next), integer(p.batch)),
      "cublasSgemmStridedBatched", __LINE__);
}

}  // namespace murmur::gpu::cuda
