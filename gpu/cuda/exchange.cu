#include "gpu/cuda/staging.hpp"
#include "gpu/kernels/exchange_impl.hpp"
