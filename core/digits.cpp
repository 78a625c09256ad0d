#include "core/digits.hpp"

// The assembler reads the file (GCC and Clang, ELF); #embed comes only with C23 and C++26.
// NOLINTBEGIN(hicpp-no-assembler)
asm(R"(
.pushsection .rodata
.global murmur_digits_begin
.global murmur_digits_end
murmur_digits_begin:
.incbin ")" MURMUR_DIGITS_FILE R"("
murmur_digits_end:
.byte 0
.popsection
)");
// NOLINTEND(hicpp-no-assembler)

extern "C" {
// NOLINTBEGIN(readability-identifier-naming): the assembler's
extern const std::byte murmur_digits_begin[];
extern const std::byte murmur_digits_end[];
// NOLINTEND(readability-identifier-naming)
}

namespace murmur::core {

ByteView digits_csv_gz() { return {murmur_digits_begin, murmur_digits_end}; }

}  // namespace murmur::core
