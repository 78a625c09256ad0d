// Code for both backends is written once and compiled twice: a .cpp compiles it into
// murmur::gpu::host, a .cu into murmur::gpu::cuda. Such a header includes this one and opens
//   namespace murmur::gpu::MURMUR_BACKEND { ... }
// so that both backends' functors can live in one process without breaking the one definition
// rule. Within it Context, Buffer<T>, gemm(), upload() and the rest are the backend's own, with
// the same names and signatures (host/context.hpp lists them).
#pragma once

#ifdef __CUDACC__
#define MURMUR_BACKEND cuda
#include "gpu/cuda/context.hpp"
#else
#define MURMUR_BACKEND host
#include "gpu/host/context.hpp"
#endif
