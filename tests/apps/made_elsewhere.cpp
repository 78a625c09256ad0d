// A program built with what no processor has.
#include <cstdio>

#include "apps/processor.hpp"

const char* const murmur::apps::kInstructions[] = {"avx0", nullptr};

int main() { std::puts("began"); }
