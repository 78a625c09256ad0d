#include "apps/scratch_folder.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace murmur::apps {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void remove_at_end_of(int pipe, const fs::path& path) {
  ::setsid();  // a Ctrl-C at the terminal is not for this process
  char byte = 0;
  while (::read(pipe, &byte, 1) < 0 && errno == EINTR) continue;
  std::error_code ignored;
  fs::remove_all(path, ignored);
  ::_exit(0);
}

}  // namespace

core::Result<ScratchFolder> ScratchFolder::create() {
  std::error_code error;
  const fs::path parent = fs::temp_directory_path(error);
  if (error) {
    const char* const named = std::getenv("TMPDIR");
    return core::fail(fmt::format("{}: cannot create a folder: {}",
                                  named != nullptr ? named : "the folder for temporary files",
                                  error.message()));
  }
  std::string path = (parent / "murmur-XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) {
    return core::fail(fmt::format("{}: cannot create a folder: {}", parent.string(),
                                  std::generic_category().message(errno)));
  }
  int ends[2] = {-1, -1};
  const pid_t remover = ::pipe(ends) == 0 ? ::fork() : -1;
  if (remover == 0) {
    ::close(ends[1]);
    remove_at_end_of(ends[0], path);
  }
  ::close(ends[0]);
  if (remover < 0) {
    ::close(ends[1]);
    fs::remove(path, error);
    return core::fail("cannot start a process");
  }
  return ScratchFolder(path, ends[1], remover);
}

ScratchFolder::ScratchFolder(ScratchFolder&& other) noexcept
    : path_(std::move(other.path_)),
      held_(other.held_),
      remover_(std::exchange(other.remover_, -1)) {}

ScratchFolder::~ScratchFolder() {
  if (remover_ < 0) return;
  ::close(held_);
  ::waitpid(remover_, nullptr, 0);
}

}  // namespace murmur::apps
