#include "apps/new_directory.hpp"

#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::apps {
namespace {

namespace fs = std::filesystem;
using murmur::testing::TempDir;
using murmur::testing::write_text;

TEST_CASE("folders that were made go again unless they are kept") {
  const TempDir dir;
  for (const char* name : {"a/b/c", "a/b/c/"}) {
    {
      const auto made = NewDirectory::create(dir / name);
      REQUIRE(made);
      CHECK(fs::is_directory(dir / "a/b/c"));
    }
    CHECK(fs::is_empty(dir.path()));
  }
  NewDirectory::create(dir / "a/b")->keep();
  CHECK(fs::is_directory(dir / "a/b"));
}

TEST_CASE("a folder that was there stays, with what is in it") {
  const TempDir dir;
  write_text(dir / "file", "x");
  {
    const auto there = NewDirectory::create(dir.path());
    REQUIRE(there);
  }
  CHECK(fs::exists(dir / "file"));
}

TEST_CASE("a folder that cannot be is refused, and leaves nothing") {
  const TempDir dir;
  write_text(dir / "file", "x");
  CHECK(NewDirectory::create(dir / "file/sub")
            .error()
            .message.starts_with((dir / "file/sub").string() + ": cannot create: "));
  CHECK_FALSE(NewDirectory::create(dir / "file"));
  CHECK_FALSE(NewDirectory::create("/proc/murmur/x"));
  CHECK(fs::exists(dir / "file"));
}

}  // namespace
}  // namespace murmur::apps
