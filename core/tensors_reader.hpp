// Data that was prepared elsewhere, in a safetensors file: `x` and `y`, and `x_test` and `y_test`
// if they are there.
//
// Thread rule: a free function.
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/dataset.hpp"
#include "core/result.hpp"

namespace murmur::core {

/// `x`: F32 or U8 [N, ...]; a byte b means b / 255, and stays in the file, which is mapped. `y`:
/// integers (U8, I32, I64) [N] are classes, [N, T] those of T positions, F32 [N] or [N, K] are
/// targets. Without `x_test`, a fifth is held out as for csv: (or, but of classes a row, every
/// fifth row). Error: one line naming the file, the tensor and the limit.
Result<Dataset> load_tensors(const std::filesystem::path& file, std::uint64_t seed,
                             std::size_t classes_max);

}  // namespace murmur::core
