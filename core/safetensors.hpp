// The safetensors file format (huggingface/safetensors, format section of its README): 8 bytes of
// little-endian header length, a JSON header, then the tensors' bytes.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "core/file_io.hpp"
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

/// A tensor as it lies in a file.
struct FileTensor {
  std::string type;  ///< "F32"
  std::vector<std::size_t> shape;
  ByteView bytes;  ///< as many as type and shape ask for
};

struct TensorFile {
  std::shared_ptr<const MappedFile> file;
  std::map<std::string, FileTensor> tensors;  ///< views into `file`
  std::map<std::string, std::string> metadata;
};

/// Maps a file of any tensors of the types U8, I32, I64 and F32 (others are there without `bytes`).
/// Error: the file is past `bytes_max`, truncated, or lies about where a tensor is.
Result<TensorFile> read_tensor_file(const std::filesystem::path& path, std::size_t bytes_max);

}  // namespace murmur::core
