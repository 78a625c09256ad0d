// The conversations of tests/gossip/transcripts are what the machines say. Where they should say
// something else now, MURMUR_TRANSCRIPTS=rewrite in the environment writes that into the files: the
// change is then in the diff, for a person to read.
#include "tests/gossip/transcript.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "tests/catch.hpp"

namespace murmur::gossip::test {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> transcripts() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(MURMUR_TRANSCRIPTS_DIR)) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool rewrites() {
  const char* const wish = std::getenv("MURMUR_TRANSCRIPTS");
  return wish != nullptr && std::string_view(wish) == "rewrite";
}

TEST_CASE("the machines say what the transcripts say") {
  const std::vector<fs::path> all = transcripts();
  CHECK(all.size() > 8);
  for (const fs::path& path : all) {
    const std::string name = path.filename().string();
    const std::string before = read(path);
    const std::string now = replay(before);
    if (now.find("\n  cannot: ") != std::string::npos) {
      FAIL_CHECK(name << " has a command that cannot be done");
    }
    if (now == before) continue;
    if (rewrites()) {
      std::ofstream(path, std::ios::binary) << now;
      WARN(name << " is written anew");
    } else {
      FAIL_CHECK(name << " is not what the machines say now (-: there, +: now):\n"
                      << difference(before, now)
                      << "If that is as it should be: MURMUR_TRANSCRIPTS=rewrite gossip_test");
    }
  }
}

TEST_CASE("a transcript's outputs are made anew, and what is for the reader stays") {
  CHECK(replay("# One peer.\n\npeer a x=3\n  nothing of this\nshow\n") ==
        "# One peer.\n\npeer a x=3\n  a reports training\n  a begins Train 1 step\n"
        "show\n  a: training at step 0, x = 3\n  sum of x: 3\n");
}

TEST_CASE("a transcript's command that cannot be done says why, after what it did") {
  CHECK(replay("sing\n") == "sing\n  cannot: no such command: sing\n");
  CHECK(replay("work b\n") == "work b\n  cannot: there is no such peer\n");
  CHECK(replay("drop Offer\n") == "drop Offer\n  cannot: no such message is in flight\n");
  CHECK(replay("peer a tail=1\n") == "peer a tail=1\n  cannot: no such key: tail\n");
  CHECK(replay("peer a\nstop a\nwork a 2\n") ==
        "peer a\n  a reports training\n  a begins Train 1 step\nstop a\n  a reports settling\n"
        "  a reports lingering\nwork a 2\n  a reports trained to step 1\n"
        "  cannot: its lane is free\n");
}

TEST_CASE("two texts differ in the lines that one of them alone has") {
  CHECK(difference("a\nb\n", "a\nb\n").empty());
  CHECK(difference("1\n2\n3\n4\n5\n6\nx\n", "1\n2\n3\n4\n5\n6\ny\nz\n") ==
        "...\n   5  5\n   6  6\n   7 -x\n   8 +y\n   8 +z\n");
  CHECK(difference("a\n", "a") == "   1 -a\n   2 +a (no newline)\n");
}

}  // namespace
}  // namespace murmur::gossip::test
