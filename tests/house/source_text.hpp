// Just enough C++ reading for the house's rules: what a file includes and which identifiers it
// uses, with comments and literals left out, so that prose about clocks is not a clock.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace murmur::house {

struct Include {
  std::string name;  ///< between the quotes or brackets
  bool quoted = false;
};

std::vector<Include> includes_of(std::string_view source);

/// `source` with comments, strings and character literals blanked and line breaks kept.
std::string without_prose(std::string_view source);

/// Identifiers and keywords, without those of preprocessor lines.
std::set<std::string> identifiers_of(std::string_view source);

}  // namespace murmur::house
