#include "apps/results.hpp"

#include <fmt/format.h>

#include <array>
#include <system_error>

#include "core/file_io.hpp"

namespace murmur::apps {

namespace fs = std::filesystem;

namespace {

constexpr std::array kNames{kModelName, kSummaryName, kMeanName};

fs::path aside(const fs::path& path) { return path.string() + ".earlier"; }

}  // namespace

std::vector<fs::path> unfinished_results(const fs::path& out) {
  std::vector<fs::path> files;
  if (out.empty()) return files;
  for (const char* name : kNames) files.push_back(core::temporary_of(out / name));
  return files;
}

core::Result<void> set_earlier_results_aside(const fs::path& out) {
  if (out.empty()) return {};
  std::error_code error;
  for (const fs::path& half : unfinished_results(out)) fs::remove(half, error);
  for (const char* name : kNames) {
    const fs::path path = out / name;
    if (!fs::exists(path, error)) continue;
    fs::rename(path, aside(path), error);
    if (error) {
      return core::fail(fmt::format("{}: cannot rename: {}", path.string(), error.message()));
    }
  }
  return {};
}

void drop_earlier_results(const fs::path& out) {
  std::error_code ignored;
  for (const char* name : kNames) fs::remove(aside(out / name), ignored);
}

}  // namespace murmur::apps
