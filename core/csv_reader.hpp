// Comma-separated numbers, one sample a line, the last column what is to be told of it: an
// integer label, or a number.
#pragma once

#include <cstddef>
#include <string>

#include "core/bytes.hpp"
#include "core/dataset.hpp"
#include "core/result.hpp"

namespace murmur::core {

/// Fills `floats` and `labels`. As other programs write them: blank lines, a byte-order mark,
/// either line end, quotes around a field, a `+`, a label such as 3.0, and a first line of names
/// (no field of it is a number), which is skipped. A number too small for a float is 0. `name`
/// begins every message: Error, with the line: not a finite number, a line of another width than
/// the first, a label that is not an integer in 0 .. classes_max - 1; or no data.
Result<Samples> parse_csv(ByteView text, const std::string& name, std::size_t classes_max);

/// As parse_csv, but the last column is a number to be told: fills `floats` and `targets`.
Result<Samples> parse_csv_targets(ByteView text, const std::string& name);

}  // namespace murmur::core
