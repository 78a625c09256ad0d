// Slot of the backend this file is compiled for; see gpu/shared/backend.hpp.
#pragma once

#ifdef __CUDACC__
#include "gpu/cuda/slot.hpp"
#else
#include "gpu/host/slot.hpp"
#endif
