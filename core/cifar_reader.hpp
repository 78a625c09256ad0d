// CIFAR-10's binary format (cs.toronto.edu/~kriz/cifar.html): a label byte, then 1,024 red, 1,024
// green and 1,024 blue bytes, row-major; nothing else in the file.
//
// Thread rule: a free function.
#pragma once

#include <filesystem>

#include "core/dataset.hpp"
#include "core/result.hpp"

namespace murmur::core {

/// data_batch_1.bin, data_batch_2.bin and so on, as many as follow each other, and test_batch.bin;
/// each plain or .gz, in `folder`. Error: one is missing or of no whole number of images, or a
/// label is past 9.
Result<Dataset> load_cifar10(const std::filesystem::path& folder);

}  // namespace murmur::core
