// Which rows of a set that comes in one piece are held out.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dataset.hpp"
#include "core/result.hpp"

namespace murmur::core {

/// Rows whose 0-based index divides by 5 are held out; the rest train.
Result<Dataset> split_by_place(std::string name, const Samples& all, std::size_t classes);

/// A fifth of each class is held out, drawn from `seed`: a file may have its classes in turns, or
/// one after another. What is left over of a class counts towards the next.
Result<Dataset> split_by_class(std::string name, const Samples& all, std::size_t classes,
                               std::uint64_t seed);

/// The rows that `held` says are held out.
Result<Dataset> split_as_told(std::string name, const Samples& all, std::size_t classes,
                              const std::vector<bool>& held);

/// One more than the greatest label. There is a label.
std::size_t classes_of(const Samples& samples);

}  // namespace murmur::core
