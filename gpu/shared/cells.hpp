// for_each_cell() and Resident<T> of the backend this file is compiled for; see
// gpu/shared/backend.hpp.
#pragma once

#ifdef __CUDACC__
#include "gpu/cuda/cells.hpp"
#else
#include "gpu/host/cells.hpp"
#endif
