// Spoken words: a folder of WAV files, as log-mel features.
//
// Thread rule: a free function.
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/dataset.hpp"
#include "core/result.hpp"

namespace murmur::core {

/// The label of a .wav in `folder` is what stands in its name before the first '_', and where all
/// names end in _INDEX those with index 0 to 4 are held out; without any there, each folder in it
/// whose name does not begin with '_' is a label, and a fifth of each is held out, drawn from
/// `seed`. Labels are numbered in their order as text. Error: a file that is no WAV of PCM, is
/// empty or of another rate than the first, has no label, or more than `classes_max` labels.
Result<Dataset> load_wavs(const std::filesystem::path& folder, std::uint64_t seed,
                          std::size_t classes_max);

}  // namespace murmur::core
