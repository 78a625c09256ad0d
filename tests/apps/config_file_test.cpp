#include "apps/config_file.hpp"

#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::apps {
namespace {

using murmur::testing::TempDir;
using murmur::testing::write_text;
using Strings = std::vector<std::string>;

TEST_CASE("every kind of value is spelled as the command line would spell it, in order") {
  const TempDir dir;
  write_text(dir / "c.toml",
             "steps = 1000\n# a comment\nlr = 0.05\njoin = [\"a:1\", \"b:2\"]\ninsecure = true\n"
             "data = \"mnist:/data\"\n");
  const auto entries = read_config(dir / "c.toml");
  REQUIRE(entries);
  REQUIRE(entries->size() == 5);
  CHECK((*entries)[0].key == "steps");
  CHECK((*entries)[0].values == Strings{"1000"});
  CHECK((*entries)[1].values == Strings{"0.05"});
  CHECK((*entries)[1].line == 3);
  CHECK((*entries)[2].values == Strings{"a:1", "b:2"});
  CHECK((*entries)[3].values == Strings{"true"});
  CHECK((*entries)[4].values == Strings{"mnist:/data"});
}

TEST_CASE("what cannot be read is refused with file and line") {
  const TempDir dir;
  const std::string path = (dir / "c.toml").string();
  CHECK(read_config(path).error().message == path + ": cannot read: No such file or directory");
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"lr = 1\nsteps = = 2\n", ":2: "},
      {"a = 1\na = 2\n", ":2: "},
      {"lr = 1\n\n[more]\nx = 1\n", ":3: [more] is a table; keys are flags, without sections"},
      {"day = 2020-01-01\n", ":1: day: neither text, a number, true nor false"},
      {"lr = 1\n[!]\n", ": a [header] that begins with no name"},
      {"a\xd0\xa9 = 1\n", ":1: "},
      {"[[\nlayer]]\n", ": a [header] that begins with no name"},
      {"join = [[1]]\n", ":1: join: neither text, a number, true nor false"},
  }));
  write_text(path, text);
  const auto entries = read_config(path);
  REQUIRE_FALSE(entries);
  CHECK(entries.error().message.starts_with(path + message));
  CHECK(entries.error().message.find('\n') == std::string::npos);
}

}  // namespace
}  // namespace murmur::apps
