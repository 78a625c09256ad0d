// Real file systems that fill, freeze and fail under --out and --state. Needs root; elsewhere the
// cases end at once, with a warning.
#include <unistd.h>

#include <cstdlib>

#include "apps/metrics.hpp"
#include "tests/apps/program.hpp"
#include "tests/catch.hpp"

namespace murmur::testing {
namespace {

namespace fs = std::filesystem;

bool shell(const std::string& command) {
  return std::system((command + " 2>/dev/null").c_str()) == 0;
}

/// A file system of its own; whatever happens it is thawed and unmounted.
class Mount {
 public:
  /// A tmpfs of 600 KB, or ext4 in a file.
  explicit Mount(bool ext4) {
    fs::create_directory(at());
    const std::string image = (dir_ / "image").string();
    mounted_ = ::geteuid() == 0 &&
               (ext4 ? shell("truncate -s 32M " + image) && shell("mkfs.ext4 -q " + image) &&
                           shell("mount -o loop " + image + " " + at().string())
                     : shell("mount -t tmpfs -o size=600k none " + at().string()));
  }
  ~Mount() {
    if (!mounted_) return;
    shell("fsfreeze -u " + at().string());
    shell("umount " + at().string());
  }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  [[nodiscard]] bool mounted() const {
    if (!mounted_) WARN("skipped: no file system can be mounted here");
    return mounted_;
  }
  [[nodiscard]] fs::path at() const { return dir_ / "mount"; }

 private:
  TempDir dir_;
  bool mounted_ = false;
};

/// A peer that writes onto `mount`, and a neighbour that does not.
struct Pair {
  explicit Pair(const Mount& mount, const std::string& duration) {
    metrics = mount.at() / "out/metrics.jsonl";
    const std::vector<std::string> end = {"--duration", duration,   "--settle",
                                          "2s",         "--linger", "1s"};
    std::vector<std::string> words = {"peer",
                                      "--out",
                                      (mount.at() / "out").string(),
                                      "--state",
                                      (mount.at() / "state").string(),
                                      "--save-every",
                                      "500ms"};
    words.insert(words.end(), end.begin(), end.end());
    subject = start_program(words, dir);
    wait_until([this] { return says(metrics, "\n"); });
    const std::string text = read_text(metrics);
    const auto start = apps::Json::parse(text.substr(0, text.find('\n')));
    words = {"peer", "--join", start["address"].get<std::string>()};
    words.insert(words.end(), end.begin(), end.end());
    neighbour = start_program(words, neighbour_dir);
    wait_until([this] { return says(metrics, R"("event":"save")"); });
  }

  /// Every line of the curves is a whole record, and the neighbour kept this peer.
  void check_rest() {
    const Said other = wait_for(neighbour, neighbour_dir);
    CHECK(other.status == 0);
    CHECK(other.out.find(" silent") == std::string::npos);
    std::ifstream file(metrics);
    for (std::string line; std::getline(file, line);) CHECK(apps::Json::accept(line));
  }

  /// Seconds, of the last line in which the neighbour, which trains on, said how far it is.
  [[nodiscard]] double neighbours_time() const {
    const std::string text = read_text(neighbour_dir / "out");
    const std::size_t last = text.rfind(" s  step ");
    return last == std::string::npos ? 0 : std::stod(text.substr(text.rfind('\n', last) + 1));
  }

  TempDir dir;
  TempDir neighbour_dir;
  fs::path metrics;
  pid_t subject = -1;
  pid_t neighbour = -1;
};

void check_says_what_is_missing(const Said& said) {
  CHECK(said.status == 1);
  CHECK(said.err.find("murmur: the model is not saved: ") != std::string::npos);
  CHECK(said.err.find("murmur: the summary is not saved: ") != std::string::npos);
  CHECK(said.err.find("murmur: the last checkpoint is not saved, ") != std::string::npos);
  CHECK(said.err.find("murmur: metrics.jsonl lacks ") != std::string::npos);
}

TEST_CASE("a disk that fills costs no neighbour, and what is not saved is said") {
  const Mount mount(/*ext4=*/false);
  if (!mount.mounted()) return;
  Pair pair(mount, "4s");
  shell("dd if=/dev/zero of=" + (mount.at() / "fill").string() + " bs=4k");
  check_says_what_is_missing(wait_for(pair.subject, pair.dir));
  CHECK_FALSE(fs::exists(mount.at() / "out/model.safetensors"));
  CHECK_FALSE(fs::exists(mount.at() / "out/model.safetensors.tmp"));
  pair.check_rest();
  // What lies there is whole: the checkpoint resumes.
  fs::remove(mount.at() / "fill");
  CHECK(run_program({"peer", "--state", (mount.at() / "state").string(), "--duration", "100ms"})
            .out.find("resumed at step ") != std::string::npos);
}

TEST_CASE("a disk that is frozen for 8 s costs no neighbour and loses nothing") {
  const Mount mount(/*ext4=*/true);
  if (!mount.mounted()) return;
  Pair pair(mount, "11s");
  REQUIRE(shell("fsfreeze -f " + mount.at().string()));
  const double began = pair.neighbours_time();
  wait_until([&] { return pair.neighbours_time() >= began + 8; });
  REQUIRE(shell("fsfreeze -u " + mount.at().string()));
  const Said said = wait_for(pair.subject, pair.dir);
  INFO(said.err);
  CHECK(said.status == 0);
  CHECK(fs::exists(mount.at() / "out/model.safetensors"));
  CHECK_FALSE(says(pair.metrics, "left out"));
  pair.check_rest();
}

TEST_CASE("a disk that fails costs no neighbour, and what is not saved is said") {
  const Mount mount(/*ext4=*/true);
  if (!mount.mounted()) return;
  Pair pair(mount, "4s");
  REQUIRE(shell("mount -o remount,abort " + mount.at().string()));
  check_says_what_is_missing(wait_for(pair.subject, pair.dir));
  pair.check_rest();
}

}  // namespace
}  // namespace murmur::testing
