#include "gpu/host/staging.hpp"
#include "gpu/kernels/exchange_impl.hpp"
