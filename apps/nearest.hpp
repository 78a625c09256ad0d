// The name a person most likely meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace murmur::apps {

/// Single-character insertions, deletions and substitutions that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);
/// "the nearest is NAME": the one with the least distance, the first of equals. If that is more
/// than a third of what was typed: "see --help".
std::string nearest_hint(std::string_view name, const std::vector<std::string>& names);

}  // namespace murmur::apps
