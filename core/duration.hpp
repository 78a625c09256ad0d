// Durations as people write them: "50ms", "1.5s", "2m"; units are ns, us, ms, s, m (or min), h.
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/time.hpp"

namespace murmur::core {

/// "0" needs no unit. Error: no number, an unknown unit, negative, or past a year.
Result<Duration> parse_duration(std::string_view text);
/// As parse_duration reads it; exact, in the largest unit that divides it.
std::string to_string(Duration duration);

}  // namespace murmur::core
