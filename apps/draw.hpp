// Drawing secrets, from the system's own source.
// Thread rule: any thread.
#pragma once

#include "core/keys.hpp"
#include "core/result.hpp"

namespace murmur::apps {

/// 32 random bytes. Error: the system gives none.
core::Result<core::KeyBytes> draw_secret();

}  // namespace murmur::apps
