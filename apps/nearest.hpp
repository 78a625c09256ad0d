// The name a person most likely meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace murmur::apps {

/// Single-character insertions, deletions and substitutions that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);
/// The name with the least distance, the first of equals; empty if there are no names.
std::string nearest(std::string_view name, const std::vector<std::string>& names);

}  // namespace murmur::apps
