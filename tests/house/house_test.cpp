#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/catch.hpp"
#include "tests/house/rules.hpp"
#include "tests/house/source_text.hpp"

namespace murmur::house {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct File {
  std::string path;  // relative to the repository
  std::string text;
};

std::vector<File> files_of(const std::vector<std::string>& folders,
                           const std::vector<std::string>& endings) {
  const fs::path root = MURMUR_SOURCE_DIR;
  std::vector<File> files;
  for (const std::string& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string name = entry.path().filename().string();
      for (const std::string& ending : endings) {
        if (!entry.is_regular_file() || !name.ends_with(ending)) continue;
        files.push_back({fs::relative(entry.path(), root).generic_string(), read(entry.path())});
        break;
      }
    }
  }
  return files;
}

const std::vector<std::string> kHouse = {"core", "gossip", "gpu", "net", "sim", "apps"};
const std::vector<std::string> kSources = {".hpp", ".cpp", ".h", ".cu", ".cuh", ".inc"};

template <class Rule>
void check_all(const std::vector<File>& files, Rule rule) {
  REQUIRE_FALSE(files.empty());
  for (const File& file : files) {
    for (const std::string& complaint : rule(file.path, file.text)) FAIL_CHECK(complaint);
  }
}

}  // namespace

TEST_CASE("every include points down the house") {
  check_all(files_of(kHouse, kSources), wrong_arrows);
}

TEST_CASE("every target links down the house") {
  check_all(files_of(kHouse, {"CMakeLists.txt"}), wrong_links);
}

TEST_CASE("core and gossip hold no clock, thread, socket, chance or unordered container") {
  check_all(files_of({"core", "gossip"}, kSources), impurities);
}

TEST_CASE("every header opens with its purpose") {
  check_all(files_of(kHouse, {".hpp", ".cuh"}), headless);
}

TEST_CASE("every package that scripts/setup installs is explained in docs/dependencies.md") {
  const fs::path root = MURMUR_SOURCE_DIR;
  const std::string setup = read(root / "scripts/setup");
  const std::string page = read(root / "docs/dependencies.md");
  const auto begin = setup.find("packages=(") + std::string("packages=(").size();
  std::istringstream list(setup.substr(begin, setup.find("\n)", begin) - begin));
  const std::vector<std::string> packages{std::istream_iterator<std::string>(list), {}};
  REQUIRE(packages.size() > 10);
  for (const std::string& package : packages) {
    INFO(package);
    CHECK(page.find("`" + package + "`") != std::string::npos);
  }
}

TEST_CASE("a wrong arrow is found however it is written") {
  CHECK(wrong_arrows("gossip/a.cpp", "#include \"gpu/replica.hpp\"\n").size() == 1);
  CHECK(wrong_arrows("gpu/host/a.cpp", "#  include \"gossip/machine.hpp\"\n").size() == 1);
  CHECK(wrong_arrows("net/a.cpp", "#include \"sim/world.hpp\"\n").size() == 1);
  CHECK(wrong_arrows("sim/a.cpp", "#include <gpu/replica.hpp>\n").size() == 1);
  CHECK(wrong_arrows("net/a.cpp", "#include \"../gpu/replica.hpp\"\n").size() == 1);
  CHECK(wrong_arrows("core/a.cpp", "#include \"tests/catch.hpp\"\n").size() == 1);
  CHECK(wrong_arrows("core/a.cpp", "#include \"ids.hpp\"\n").size() == 1);
  CHECK(wrong_arrows("sim/a.cpp", "#include \"gossip/machine.hpp\"\n#include <vector>\n").empty());
  CHECK(wrong_links("gossip/CMakeLists.txt", "target_link_libraries(x murmur_gpu)").size() == 1);
  CHECK(wrong_links("sim/CMakeLists.txt", "target_link_libraries(x murmur_gossip)").empty());
}

TEST_CASE("an impure file is found, and prose about clocks is not impure") {
  CHECK(impurities("gossip/a.cpp", "auto t = std::chrono::steady_clock::now();").size() == 1);
  CHECK(impurities("core/a.cpp", "std::unordered_map<int, int> m;").size() == 1);
  CHECK(impurities("core/a.cpp", "auto e = 1'000'000 + atoi(getenv(\"E\"));").size() == 1);
  CHECK(impurities("core/a.cpp", "std::ifstream in(path);").size() == 1);
  CHECK(impurities("core/file_io.cpp", "std::ifstream in(path);").empty());
  CHECK(impurities("core/bytes.hpp", "#include <mutex>\nstd::mutex m;").empty());
  CHECK(impurities("core/bytes.hpp", "#include <thread>\n").size() == 1);
  CHECK(impurities("gossip/a.cpp", "// a socket, a mutex /* thread */\nauto s = \"getenv\";")
            .empty());
  CHECK(impurities("gossip/a.cpp", "auto s = R\"x(getenv)x\"; char c = '\"'; rand();").size() == 1);
}

}  // namespace murmur::house
