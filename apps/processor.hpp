// Processor: whether this machine has the instructions that the program was built with
// (MURMUR_ARCH). processor.cpp asks before anything else of the program runs, and ends it in one
// line if not: its code would be ended by SIGILL. It is built for any processor of the
// architecture.
#pragma once

namespace murmur::apps {

/// By the names that __builtin_cpu_supports takes; the last is null.
extern const char* const kInstructions[];

}  // namespace murmur::apps
