// TOML, by toml++, which is compiled in toml.cpp alone: its header costs seconds a file.
// Thread rule: a pure function.
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"

namespace murmur::core::detail {
[[noreturn]] void toml_took_for_granted();
}

// Where the library takes something for granted it tells the compiler so in a release build. The
// header "[!]" is such a place, and what follows from it there nobody knows: it is an error here.
#define TOML_HEADER_ONLY 0
#include <toml++/impl/preprocessor.h>
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expr) \
  static_cast<void>((expr) || (murmur::core::detail::toml_took_for_granted(), false))
#include <toml++/toml.h>

namespace murmur::core {

struct TomlError {
  std::size_t line = 0;  ///< zero: not known
  std::string what;
};

tl::expected<toml::table, TomlError> parse_toml(std::string_view text);

}  // namespace murmur::core
