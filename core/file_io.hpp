// Reading whole files under a cap and replacing them atomically, and gzip. Errors name the file.
// Thread rule: free functions; two writers of one path must be kept apart by the caller.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "core/bytes.hpp"
#include "core/result.hpp"

namespace murmur::core {

/// The whole file. Error: it cannot be read, or holds more than `bytes_max`.
Result<Bytes> read_file(const std::filesystem::path& path, std::size_t bytes_max);

/// A file's bytes where the system keeps them: they take memory only while they are looked at. A
/// file that is cut while it is mapped ends the process.
class MappedFile {
 public:
  explicit MappedFile(ByteView bytes) : bytes_(bytes) {}
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  [[nodiscard]] ByteView bytes() const { return bytes_; }

 private:
  ByteView bytes_;
};

/// Error: it cannot be read, is no regular file, or holds more than `bytes_max`.
Result<std::shared_ptr<const MappedFile>> map_file(const std::filesystem::path& path,
                                                   std::size_t bytes_max);

/// As read_file, of what its owner alone may read. Error: also if others may read or write it.
Result<Bytes> read_secret_file(const std::filesystem::path& path, std::size_t bytes_max);

/// As read_file, decompressed if it is gzip; `bytes_max` bounds both sizes.
Result<Bytes> read_data_file(const std::filesystem::path& path, std::size_t bytes_max);

/// Bytes that last as long as `owner`.
struct SharedBytes {
  std::shared_ptr<const void> owner;
  ByteView bytes;
  bool mapped = false;  ///< they lie in a file, and take no memory of one's own
};

/// As map_file, or decompressed if it is gzip; `bytes_max` bounds both sizes.
Result<SharedBytes> map_data_file(const std::filesystem::path& path, std::size_t bytes_max);

/// All members of a gzip stream. `name` begins the error's message. Error: truncated, damaged, or
/// more than `bytes_max`. Memory in use grows with what has been decompressed, never with what a
/// header claims.
Result<Bytes> gunzip(ByteView compressed, std::size_t bytes_max, const std::string& name);

/// Where write_file_atomically() collects what becomes `path`: PATH.tmp.
std::filesystem::path temporary_of(const std::filesystem::path& path);

/// Writes `parts` one after another to PATH.tmp, fsyncs, renames it to PATH and fsyncs the folder:
/// after a crash PATH is either the old file or the new one. On failure PATH.tmp is removed.
Result<void> write_file_atomically(const std::filesystem::path& path,
                                   std::span<const ByteView> parts);

/// Makes PATH, for its owner alone (mode 0600), by PATH.tmp and durably as above: it is there whole
/// or not at all. Error: there is a PATH already, which stays.
Result<void> create_secret_file(const std::filesystem::path& path, ByteView bytes);

/// Appends `lines` to PATH, which is made if it is not there. A last line that was not ended, as
/// its writer was killed, is ended first. On failure what was written is taken back, so that no
/// line is ever made of two halves.
Result<void> append_lines(const std::filesystem::path& path, std::string_view lines);

}  // namespace murmur::core
