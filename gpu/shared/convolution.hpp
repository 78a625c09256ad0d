// Convolution of the backend this file is compiled for; see gpu/shared/backend.hpp.
#pragma once

#ifdef __CUDACC__
#include "gpu/cuda/convolution.hpp"
#else
#include "gpu/host/convolution.hpp"
#endif
