// Comma-separated numbers, one sample a line, the last column an integer label.
#pragma once

#include <cstddef>
#include <string>

#include "core/bytes.hpp"
#include "core/dataset.hpp"
#include "core/result.hpp"

namespace murmur::core {

/// Fills `floats` and `labels`. Blank lines are skipped. `name` begins every message: Error, with
/// the line: not a finite number, a line of another width than the first, a label that is not an
/// integer in 0 .. classes_max - 1; or no lines at all.
Result<Samples> parse_csv(ByteView text, const std::string& name, std::size_t classes_max);

}  // namespace murmur::core
