// --config FILE.toml: every key is a flag's name without its dashes, every value what the flag
// takes. Strings, numbers, true/false, and arrays of these for flags that may be repeated.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace murmur::apps {

struct ConfigEntry {
  std::string key;
  std::vector<std::string> values;  ///< as the command line would spell them; one if not `array`
  bool array = false;
  std::size_t line = 0;
};

/// In the file's order. Error, "FILE:LINE: ...": unreadable, malformed, or a table or date.
core::Result<std::vector<ConfigEntry>> read_config(const std::filesystem::path& path);

}  // namespace murmur::apps
