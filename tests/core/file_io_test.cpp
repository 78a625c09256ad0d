#include "core/file_io.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <thread>

#include "core/safetensors.hpp"
#include "core/storage.hpp"
#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::core {
namespace {

namespace fs = std::filesystem;
using murmur::testing::read_text;
using murmur::testing::TempDir;
using murmur::testing::write_gzip;
using murmur::testing::write_text;

ByteView bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<void> write(const fs::path& path, std::string_view text) {
  const std::array<ByteView, 2> parts{bytes_of(text.substr(0, text.size() / 2)),
                                      bytes_of(text.substr(text.size() / 2))};
  return write_file_atomically(path, parts);
}

std::size_t files_in(const TempDir& dir) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()));
}

/// While it lives no file of this process may grow past `bytes`: writes end early, then fail.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

std::atomic<int> interruptions{0};

/// While it lives, whatever the thread that made it waits for is interrupted every millisecond.
class Interruptions {
 public:
  Interruptions() {
    struct sigaction action {};
    action.sa_handler = [](int) { ++interruptions; };  // no SA_RESTART
    ::sigaction(SIGALRM, &action, &before_);
    const itimerval every{{0, 1000}, {0, 1000}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
  }
  ~Interruptions() {
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    ::sigaction(SIGALRM, &before_, nullptr);
  }
  Interruptions(const Interruptions&) = delete;
  Interruptions& operator=(const Interruptions&) = delete;

  /// For the thread at the other end of a pipe, which is not to be interrupted itself.
  static void spare_this_thread() {
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    ::pthread_sigmask(SIG_BLOCK, &alarm, nullptr);
  }
  static void await_some() {
    const int until = interruptions + 3;
    while (interruptions < until) std::this_thread::yield();
  }

 private:
  struct sigaction before_ {};
};

TEST_CASE("a write that succeeds replaces the file and leaves nothing beside it") {
  const TempDir dir;
  REQUIRE(write(dir / "x", "old"));
  REQUIRE(write(dir / "x", "new and longer"));
  CHECK(read_text(dir / "x") == "new and longer");
  REQUIRE(write(dir / "x", ""));
  CHECK(read_text(dir / "x").empty());
  CHECK(files_in(dir) == 1);
}

TEST_CASE("what a killed writer left half-written is no hindrance and does not stay") {
  const TempDir dir;
  write_text(dir / "x.tmp", std::string(1000, 'h'));
  REQUIRE(write(dir / "x", "whole"));
  CHECK(read_text(dir / "x") == "whole");
  CHECK(files_in(dir) == 1);
}

TEST_CASE("a write that fails leaves the old file whole, nothing beside it, and says why") {
  const TempDir dir;
  const fs::path path = dir / "x";
  REQUIRE(write(path, "old"));
  const std::string big(100'000, 'n');
  SECTION("for the file would be too large") {
    const FileSizeLimit limit(70'000);
    CHECK(write(path, big).error().message == path.string() + ": cannot write: File too large");
  }
  SECTION("for the disk is full") {
    fs::create_symlink("/dev/full", dir / "x.tmp");
    CHECK(write(path, big).error().message ==
          path.string() + ": cannot write: No space left on device");
  }
  SECTION("for it cannot be synced") {
    fs::create_symlink("/dev/null", dir / "x.tmp");  // takes the bytes, but not fsync
    CHECK(write(path, big).error().message == path.string() + ": cannot write: Invalid argument");
  }
  CHECK(read_text(path) == "old");
  CHECK(files_in(dir) == 1);
}

TEST_CASE("a place that cannot be written is named") {
  const TempDir dir;
  fs::create_directory(dir / "folder");
  CHECK(write(dir / "folder", "x").error().message ==
        (dir / "folder").string() + ": cannot write: Is a directory");
  CHECK(write(dir / "none/x", "x").error().message ==
        (dir / "none/x").string() + ": cannot write: No such file or directory");
  CHECK(files_in(dir) == 1);
}

TEST_CASE("every writer leaves what was there when it cannot write") {
  const TempDir dir;
  const auto storage = FileStorage::open(dir / "state").value();
  const std::string first(1000, 'a');
  REQUIRE(storage->start({1, 2}));
  REQUIRE(storage->save(bytes_of(first)));
  const Schema schema("quadratic:100", {{"x", {100}, 0, 100}});
  const std::vector<float> ones(100, 1.0F);
  const fs::path model = dir / "model.safetensors";
  REQUIRE(write_safetensors(model, schema, ones));
  {
    const FileSizeLimit limit(20);
    CHECK_FALSE(storage->save(bytes_of(std::string(1000, 'b'))));
    CHECK_FALSE(storage->start({1, 2}));
    CHECK_FALSE(write_safetensors(model, schema, std::vector<float>(100, 2.0F)));
  }
  CHECK(text_of(**storage->load()) == first);
  CHECK(storage->identity().value()->boot == 1);
  CHECK(read_safetensors(model, schema).value() == ones);
  CHECK(files_in(dir) == 2);
  // What failed may be tried again, and does not count.
  REQUIRE(storage->save(bytes_of("c")));
  CHECK(text_of(**storage->load()) == "c");
  CHECK(storage->start({1, 2}).value().boot == 2);
}

TEST_CASE("a file is read up to its limit, and one byte more is refused") {
  const TempDir dir;
  for (const std::size_t size : {0, 1, 4095, 4096, 100'000}) {
    const std::string text(size, 'x');
    write_text(dir / "x", text);
    CHECK(text_of(read_file(dir / "x", size).value()) == text);
    CHECK(text_of(read_file(dir / "x", std::size_t{1} << 40).value()) == text);
    if (size == 0) continue;
    CHECK(read_file(dir / "x", size - 1).error().message ==
          (dir / "x").string() + ": more than " + std::to_string(size - 1) + " bytes");
  }
}

TEST_CASE("a mapped file shows its bytes, and no file at all is refused") {
  const TempDir dir;
  write_text(dir / "a", "some bytes");
  const auto mapped = map_file(dir / "a", 10);
  REQUIRE(mapped);
  CHECK((*mapped)->bytes().size() == 10);
  CHECK((*mapped)->bytes()[5] == std::byte{'b'});
  CHECK(map_file(dir / "a", 9).error().message == (dir / "a").string() + ": more than 9 bytes");
  CHECK(map_file(dir.path(), 10).error().message == dir.path().string() + ": not a file");
  CHECK(map_file(dir / "none", 10).error().message.find(": cannot read: ") != std::string::npos);
  write_text(dir / "empty", "");
  CHECK(map_file(dir / "empty", 10).value()->bytes().empty());
}

TEST_CASE("a file that does not know its size is read whole, and no further than the limit") {
  const auto self = read_file("/proc/self/status", 1 << 20);
  REQUIRE(self);
  CHECK(text_of(*self).ends_with("\n"));
  CHECK(read_file("/dev/zero", 1 << 16).error().message == "/dev/zero: more than 65536 bytes");
}

TEST_CASE("interrupted reads and writes go on where they were") {
  const TempDir dir;
  const fs::path pipe = dir / "x.tmp";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::string text(300'000, '\0');  // several times what a pipe holds
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i % 251);
  std::string passed;
  std::atomic<bool> over{false};  // however it ended: the other end must not wait for ever
  const Interruptions begin;
  SECTION("reading") {
    std::thread writer([&] {
      Interruptions::spare_this_thread();
      Interruptions::await_some();
      int fd = -1;
      while (fd < 0 && !over) fd = ::open(pipe.c_str(), O_WRONLY | O_NONBLOCK);
      for (std::size_t at = 0; at < text.size() && !over; Interruptions::await_some()) {
        const ssize_t n = ::write(fd, text.data() + at, text.size() - at);
        at += n > 0 ? static_cast<std::size_t>(n) : 0;
      }
      ::close(fd);
    });
    const auto read = read_file(pipe, text.size());
    over = true;
    writer.join();
    REQUIRE(read);
    passed = text_of(*read);
  }
  SECTION("writing") {
    std::thread reader([&] {
      Interruptions::spare_this_thread();
      Interruptions::await_some();
      const int fd = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
      for (ssize_t n = 0; n > 0 || !over; Interruptions::await_some()) {
        std::array<char, 50'000> some{};
        n = ::read(fd, some.data(), some.size());
        passed.append(some.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
      }
      ::close(fd);
    });
    // A pipe takes everything, and then cannot be synced.
    const auto written = write(dir / "x", text);
    over = true;
    reader.join();
    CHECK(written.error().message.ends_with(": cannot write: Invalid argument"));
  }
  CHECK(passed == text);
}

std::string gzip(std::string_view text) {
  const TempDir dir;
  write_gzip(dir / "x", text);
  return read_text(dir / "x");
}

TEST_CASE("all members of a gzip file are read, empty ones too") {
  const std::string stream = gzip("one ") + gzip("") + gzip("two");
  CHECK(text_of(gunzip(bytes_of(stream), 7, "x").value()) == "one two");
  CHECK(gunzip(bytes_of(stream), 6, "x").error().message ==
        "x: more than 6 bytes when decompressed");
  CHECK(gunzip(bytes_of(gzip("")), 0, "x").value().empty());
}

TEST_CASE("what is decompressed takes its size and no more, but where its end lies of it") {
  const std::string text(5'000'000, '0');
  const std::string stream = gzip(text);
  CHECK(gunzip(bytes_of(stream), 1 << 30, "x").value().capacity() == text.size() + 1);
  std::string lying = stream;
  lying[lying.size() - 1] = '\x7f';  // 2 GB
  CHECK(gunzip(bytes_of(lying), 1 << 30, "x").error().message.starts_with("x: damaged gzip data"));
  // The last member alone is known beforehand.
  CHECK(gunzip(bytes_of(stream + gzip("two")), 1 << 30, "x").value().size() == text.size() + 3);
}

TEST_CASE("a data file is where it lies if it is plain, else decompressed") {
  const TempDir dir;
  write_text(dir / "plain", "0,1\n");
  write_gzip(dir / "packed", "0,1\n");
  for (const auto& [name, mapped] : {std::pair{"plain", true}, {"packed", false}}) {
    const auto file = map_data_file(dir / name, 1 << 20);
    REQUIRE(file);
    CHECK(file->mapped == mapped);
    CHECK(text_of(file->bytes) == "0,1\n");
  }
  CHECK(map_data_file(dir / "packed", 3).error().message.find("more than 3 bytes") !=
        std::string::npos);
}

TEST_CASE("a gzip file that is cut or followed by something else is refused") {
  const std::string stream = gzip("one") + gzip("two");
  const std::size_t first = gzip("one").size();
  for (std::size_t size = 0; size < stream.size(); ++size) {
    const auto got = gunzip(bytes_of(stream.substr(0, size)), 100, "x");
    if (size == first) {
      CHECK(text_of(got.value()) == "one");
    } else {
      CHECK(got.error().message ==
            "x: gzip data ends early, after " + std::to_string(size) + " bytes");
    }
  }
  CHECK(gunzip(bytes_of(stream + "rubbish"), 100, "x")
            .error()
            .message.starts_with("x: damaged gzip data near byte "));
}

TEST_CASE("no flipped bit of a gzip file gives another text") {
  std::string stream = gzip("0,1,2\n3,4,5\n");
  for (std::size_t bit = 0; bit < stream.size() * 8; ++bit) {
    const char mask = static_cast<char>(1 << (bit % 8));
    stream[bit / 8] = static_cast<char>(stream[bit / 8] ^ mask);
    if (const auto got = gunzip(bytes_of(stream), 1 << 20, "x")) {
      CHECK(text_of(*got) == "0,1,2\n3,4,5\n");  // the header has fields that say nothing of it
    }
    stream[bit / 8] = static_cast<char>(stream[bit / 8] ^ mask);
  }
}

TEST_CASE("a file that decompresses past its cap is refused") {
  const TempDir dir;
  write_gzip(dir / "bomb.gz", std::string(1 << 20, '0'));
  CHECK(read_data_file(dir / "bomb.gz", 1 << 16).error().message ==
        (dir / "bomb.gz").string() + ": more than 65536 bytes when decompressed");
  CHECK(read_data_file(dir / "bomb.gz", 1 << 20).value().size() == 1 << 20);
}

}  // namespace
}  // namespace murmur::core
