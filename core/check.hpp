// CHECK: a broken invariant is a bug in murmur; say where and stop, in release builds too.
// Expected failure (bad input, a vanished peer) is core::Result instead.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace murmur::core {

[[noreturn]] inline void check_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "murmur: internal error: CHECK(%s) failed at %s:%d\n", what, file, line);
  std::abort();
}

}  // namespace murmur::core

#define CHECK_INVARIANT(condition) \
  ((condition) ? void(0) : ::murmur::core::check_failed(#condition, __FILE__, __LINE__))
