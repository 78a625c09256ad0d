// What a run leaves in --out at its end, model.safetensors and summary.json, and that of `local`
// mean.safetensors: always of the run that wrote there last, or missing.
// Thread rule: free functions; one process a folder.
#pragma once

#include <filesystem>
#include <vector>

#include "core/result.hpp"

namespace murmur::apps {

constexpr const char* kModelName = "model.safetensors";
constexpr const char* kSummaryName = "summary.json";
constexpr const char* kMeanName = "mean.safetensors";

/// The files in `out`, which may be empty (none), that a process that is killed may leave half
/// written.
std::vector<std::filesystem::path> unfinished_results(const std::filesystem::path& out);

/// What an earlier start left becomes NAME.earlier, so that it is not taken for this one's if this
/// one comes to nothing. Error: it cannot be renamed.
core::Result<void> set_earlier_results_aside(const std::filesystem::path& out);
/// This start's are written: the earlier ones go.
void drop_earlier_results(const std::filesystem::path& out);

}  // namespace murmur::apps
