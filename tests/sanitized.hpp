// Which sanitizer this build is run by.
#pragma once

// g++ 12 has no __has_feature, and clang 14 not the macros of g++.
#if defined(__has_feature)
#define MURMUR_FEATURE(name) __has_feature(name)
#else
#define MURMUR_FEATURE(name) 0
#endif

namespace murmur::test {

/// It does not see what the threads of a library that is not built with it agree on (libtbb's,
/// say).
constexpr bool kUnderTsan =
#if defined(__SANITIZE_THREAD__) || MURMUR_FEATURE(thread_sanitizer)
    true;
#else
    false;
#endif

/// Under one, memory is no measure.
constexpr bool kSanitized = kUnderTsan ||
#if defined(__SANITIZE_ADDRESS__) || MURMUR_FEATURE(address_sanitizer)
                            true;
#else
                            false;
#endif

}  // namespace murmur::test
