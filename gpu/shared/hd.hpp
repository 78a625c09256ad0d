// MURMUR_HD marks a function that both backends call, inside kernels too.
#pragma once

#ifdef __CUDACC__
#define MURMUR_HD __host__ __device__ __forceinline__
#else
#define MURMUR_HD inline
#endif
