#include "apps/new_directory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <system_error>
#include <utility>

namespace murmur::apps {

namespace fs = std::filesystem;

core::Result<NewDirectory> NewDirectory::create(const fs::path& path) {
  std::error_code error;
  fs::path made;
  for (fs::path at = fs::absolute(path, error).lexically_normal(); !fs::exists(at, error);
       at = at.parent_path()) {
    // "a/b/" ends in an empty name, whose parent is the folder itself.
    if (at.has_filename()) made = at;
    if (at == at.parent_path()) break;
  }
  NewDirectory directory(made);
  error.clear();
  fs::create_directories(path, error);
  if (error)
    return core::fail(fmt::format("{}: cannot create: {}", path.string(), error.message()));
  if (!fs::is_directory(path, error)) {
    return core::fail(fmt::format("{}: not a folder", path.string()));
  }
  if (::access(path.c_str(), W_OK | X_OK) != 0) {
    const std::string why = std::generic_category().message(errno);
    return core::fail(fmt::format("{}: cannot write: {}", path.string(), why));
  }
  return directory;
}

core::Result<std::vector<NewDirectory>> NewDirectory::create_all(
    const std::vector<std::filesystem::path>& paths) {
  std::vector<NewDirectory> all;
  for (const auto& path : paths) {
    if (path.empty()) continue;
    auto made = create(path);
    if (!made) return tl::make_unexpected(made.error());
    all.push_back(std::move(*made));
  }
  return all;
}

NewDirectory::NewDirectory(NewDirectory&& other) noexcept
    : made_(std::exchange(other.made_, fs::path())) {}

NewDirectory::~NewDirectory() {
  std::error_code ignored;
  if (!made_.empty()) fs::remove_all(made_, ignored);
}

}  // namespace murmur::apps
