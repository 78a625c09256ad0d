#include "apps/scratch_folder.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "tests/catch.hpp"

namespace murmur::apps {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a scratch folder goes with all that is in it") {
  fs::path path;
  {
    const auto scratch = ScratchFolder::create();
    REQUIRE(scratch);
    path = scratch->path();
    fs::create_directory(path / "sub");
    std::ofstream(path / "sub/file") << "x";
  }
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("a scratch folder goes even if its process is killed, once that has no children left") {
  // What the killed process leaves behind becomes this one's, so that its end can be waited for.
  REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  int made[2];
  int held[2];
  REQUIRE(::pipe(made) == 0);
  REQUIRE(::pipe(held) == 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    ::close(held[1]);
    const auto scratch = ScratchFolder::create();
    const std::string path = scratch ? scratch->path().string() : "";
    std::ofstream(path + "/file") << "x";
    char byte = 0;
    if (::fork() == 0) ::_exit(::read(held[0], &byte, 1) == 0 ? 0 : 1);  // a child that lives on
    if (::write(made[1], path.data(), path.size()) < 0) ::_exit(1);
    ::raise(SIGKILL);
  }
  ::close(held[0]);
  std::string path(4096, '\0');
  path.resize(static_cast<std::size_t>(std::max<ssize_t>(::read(made[0], path.data(), 4096), 0)));
  REQUIRE(::waitpid(owner, nullptr, 0) == owner);
  CHECK(fs::exists(path + "/file"));
  ::close(held[1]);  // now the child ends
  while (::wait(nullptr) > 0) continue;
  CHECK_FALSE(fs::exists(path));
  ::close(made[0]);
  ::close(made[1]);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace
}  // namespace murmur::apps
