// A folder for a run whose files nobody asked for. It goes with the object; or, if the process is
// killed, once the process's children, who may write in it, have ended too.
// Thread rule: one thread.
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "core/result.hpp"

namespace murmur::apps {

class ScratchFolder {
 public:
  /// In the system's folder for temporary files. Error: it cannot be made.
  static core::Result<ScratchFolder> create();
  ScratchFolder(ScratchFolder&& other) noexcept;
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  /// Waits for children that have not ended.
  ~ScratchFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  ScratchFolder(std::filesystem::path path, int held, pid_t remover)
      : path_(std::move(path)), held_(held), remover_(remover) {}
  std::filesystem::path path_;
  /// A pipe's end that this process and every child hold open: when the last lets go of it, the
  /// remover, a process of its own, reads the end of the pipe.
  int held_;
  pid_t remover_;  ///< -1: moved from
};

}  // namespace murmur::apps
