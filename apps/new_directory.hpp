// A folder that a command needs, made together with the folders above it. If the command then
// finds that it cannot start, what was made is removed again.
#pragma once

#include <filesystem>
#include <vector>

#include "core/result.hpp"

namespace murmur::apps {

class NewDirectory {
 public:
  /// Error: it cannot be made, or not be written to.
  static core::Result<NewDirectory> create(const std::filesystem::path& path);
  /// All of `paths` but the empty ones, or none.
  static core::Result<std::vector<NewDirectory>> create_all(
      const std::vector<std::filesystem::path>& paths);
  NewDirectory(NewDirectory&& other) noexcept;
  NewDirectory& operator=(NewDirectory&&) = delete;
  ~NewDirectory();

  /// It stays.
  void keep() { made_.clear(); }

 private:
  explicit NewDirectory(std::filesystem::path made) : made_(std::move(made)) {}
  std::filesystem::path made_;  ///< the topmost folder that was not there before; empty: none
};

}  // namespace murmur::apps
