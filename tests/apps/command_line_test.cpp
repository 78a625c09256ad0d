#include "apps/command_line.hpp"

#include "apps/values.hpp"
#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::apps {
namespace {

using murmur::testing::TempDir;
using murmur::testing::write_text;

/// A command of three flags.
struct Command {
  double rate = 0.5;
  std::vector<std::string> names;
  bool loud = false;
  CommandLine line{"murmur test", "A test."};

  Command() {
    line.add("--rate", rate, number_in(0.0, 1.0), {"R", "0.5", "A rate."});
    line.add_repeated("--name", names, text_value, {"NAME", "", "A name."});
    line.add_switch("--loud", loud, "Loudly.");
  }
  std::string error(const std::vector<std::string>& args) {
    const auto parsed = line.parse(args);
    return parsed ? "(none)" : parsed.error().message;
  }
};

TEST_CASE_METHOD(Command, "values, repeats and switches are read in either spelling") {
  REQUIRE(line.parse({"--rate", "0.25", "--name=a", "--loud", "--name", "b"}));
  CHECK(rate == 0.25);
  CHECK(names == std::vector<std::string>{"a", "b"});
  CHECK(loud);
}

TEST_CASE_METHOD(Command, "what is not given keeps its default") {
  REQUIRE(line.parse({}));
  CHECK(rate == 0.5);
  CHECK(names.empty());
  CHECK_FALSE(loud);
}

TEST_CASE_METHOD(Command, "each mistake is one line that names the flag") {
  CHECK(error({"--rat", "1"}) == "there is no flag --rat; the nearest is --rate");
  CHECK(error({"--rat=1"}) == "there is no flag --rat; the nearest is --rate");
  CHECK(error({"--rate", "2"}) == "--rate: '2' is not a number in 0..1");
  CHECK(error({"--rate", "x"}) == "--rate: 'x' is not a number in 0..1");
  CHECK(error({"--volume", "1"}) == "there is no flag --volume; see --help");
  CHECK(error({"word"}) == "unexpected argument 'word'");
  CHECK(error({"--rate"}) == "--rate needs a value");
  CHECK(error({"--rate=1", "--rate=1"}) == "--rate takes one value, and was given 2");
  CHECK(error({"--config"}) == "--config needs a file");
}

TEST_CASE_METHOD(Command, "a configuration file gives flags, and the command line wins") {
  const TempDir dir;
  const std::string path = (dir / "c.toml").string();
  write_text(path, "rate = 0.75\nname = [\"x\", \"y\"]\nloud = true\n");
  REQUIRE(line.parse({"--config", path, "--name", "z"}));
  CHECK(rate == 0.75);
  CHECK(names == std::vector<std::string>{"z"});
  CHECK(loud);
}

TEST_CASE_METHOD(Command, "mistakes in a configuration file name file, line and key") {
  const TempDir dir;
  const std::string path = (dir / "c.toml").string();
  write_text(path, "loud = false\nrat = 0.75\n");
  CHECK(error({"--config=" + path}) == path + ":2: there is no key 'rat'; the nearest is rate");
  write_text(path, "\nrate = 7\n");
  CHECK(error({"--config=" + path}) == path + ":2: rate: '7' is not a number in 0..1");
  for (const char* value : {"[0.1, 0.2]", "[0.1]", "[]"}) {
    write_text(path, std::string("rate = ") + value);
    CHECK(error({"--config=" + path}) == path + ":1: rate: one value is expected, not an array");
  }
  for (const char* value : {"3", "\"yes\"", "[true]"}) {
    write_text(path, std::string("loud = ") + value);
    CHECK(error({"--config=" + path}) == path + ":1: loud: true or false is expected");
  }
}

}  // namespace
}  // namespace murmur::apps
