#include "gpu/host/staging.hpp"
#include "gpu/shared/exchange_impl.hpp"
