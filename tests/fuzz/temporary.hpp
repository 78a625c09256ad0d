// A file that holds the input, for what reads files.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/bytes.hpp"

namespace murmur::fuzz {

/// This process's own; in memory where the machine has such a place.
inline const std::filesystem::path& folder() {
  static const std::filesystem::path kFolder = [] {
    const std::filesystem::path memory = "/dev/shm";
    const auto under =
        std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    auto path = under / ("murmur-fuzz-" + std::to_string(::getpid()));
    std::filesystem::create_directories(path);
    std::atexit([] { std::filesystem::remove_all(folder()); });
    return path;
  }();
  return kFolder;
}

/// Readable by its owner alone, as keys have to be.
inline std::filesystem::path written(const std::string& name, core::ByteView bytes) {
  auto path = folder() / name;
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) std::abort();
  if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size()) {
    std::abort();
  }
  std::fclose(file);
  std::filesystem::permissions(
      path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return path;
}

}  // namespace murmur::fuzz
