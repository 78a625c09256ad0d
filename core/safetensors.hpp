// The safetensors file format (huggingface/safetensors, format section of its README): 8 bytes of
// little-endian header length, a JSON header, then the tensors' bytes. F32 only.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/schema.hpp"

namespace murmur::core {

/// Writes `parameters` (the schema's flat array) under the schema's tensor names, atomically
/// (temporary file, fsync, rename), with `metadata` and {"model": schema.model()}.
Result<void> write_safetensors(const std::filesystem::path& path, const Schema& schema,
                               std::span<const float> parameters,
                               const std::map<std::string, std::string>& metadata = {});

/// Reads the flat array of any file with the schema's names and shapes in F32, in whichever order
/// the tensors lie. Error: it is another's, truncated, or lies about where they are.
Result<std::vector<float>> read_safetensors(const std::filesystem::path& path,
                                            const Schema& schema);

}  // namespace murmur::core
