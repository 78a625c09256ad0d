#include "core/storage.hpp"

#include <string_view>

#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::core {
namespace {

using murmur::testing::read_text;
using murmur::testing::TempDir;
using murmur::testing::write_text;

constexpr PeerId kFresh{1, 2};
constexpr PeerId kOther{3, 4};

ByteView bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string load_text(Storage& storage) {
  const auto loaded = storage.load();
  REQUIRE(loaded);
  if (!*loaded) return "(none)";
  return {reinterpret_cast<const char*>((*loaded)->data()), (*loaded)->size()};
}

TEST_CASE("memory storage counts boots, keeps its first id and its last checkpoint") {
  MemoryStorage storage;
  CHECK(load_text(storage) == "(none)");
  CHECK(storage.start(kFresh).value().boot == 1);
  REQUIRE(storage.save(bytes_of("a")));
  REQUIRE(storage.save(bytes_of("bc")));
  const Identity again = storage.start(kOther).value();
  CHECK(again.id == kFresh);
  CHECK(again.boot == 2);
  CHECK(load_text(storage) == "bc");
}

TEST_CASE("a state folder keeps the id and counts each start") {
  const TempDir dir;
  const auto state = dir / "deep/state";
  for (Boot boot = 1; boot <= 3; ++boot) {
    const auto storage = FileStorage::open(state);
    REQUIRE(storage);
    const Identity identity = (*storage)->start(boot == 1 ? kFresh : kOther).value();
    CHECK(identity.id == kFresh);
    CHECK(identity.boot == boot);
    CHECK(load_text(**storage) == "(none)");
  }
}

TEST_CASE("the newest checkpoint is loaded, over restarts, and two are kept") {
  const TempDir dir;
  for (const char* text : {"one", "two", "three"}) {
    const auto storage = FileStorage::open(dir.path()).value();
    REQUIRE(storage->start(kFresh));
    REQUIRE(storage->save(bytes_of(text)));
    CHECK(load_text(*storage) == text);
  }
  CHECK(read_text(dir / "checkpoint.1").ends_with("three"));
  CHECK(read_text(dir / "checkpoint.0").ends_with("two"));
}

TEST_CASE("when the newest checkpoint is damaged the older is loaded, and saved over the damage") {
  const TempDir dir;
  {
    const auto storage = FileStorage::open(dir.path()).value();
    REQUIRE(storage->start(kFresh));
    REQUIRE(storage->save(bytes_of("one")));
    REQUIRE(storage->save(bytes_of("two")));
  }
  const auto newest = dir / "checkpoint.0";
  const std::string whole = read_text(newest);
  REQUIRE(whole.ends_with("two"));
  std::string flipped = whole;
  flipped.back() ^= 1;
  std::string other_magic = whole;
  other_magic.front() = 'X';
  const std::string damaged =
      GENERATE_COPY(std::string(), whole.substr(0, 10), whole.substr(0, whole.size() - 1),
                    whole + "x", flipped, other_magic);
  write_text(newest, damaged);
  const auto storage = FileStorage::open(dir.path()).value();
  CHECK(load_text(*storage) == "one");
  REQUIRE(storage->save(bytes_of("three")));
  CHECK(load_text(*storage) == "three");
  CHECK(read_text(dir / "checkpoint.1").ends_with("one"));
}

TEST_CASE("when no checkpoint is whole, loading says so instead of starting afresh") {
  const TempDir dir;
  write_text(dir / "checkpoint.0", "rubbish");
  const auto storage = FileStorage::open(dir.path()).value();
  CHECK(storage->load().error().message == dir.path().string() + ": no checkpoint in it is whole");
}

TEST_CASE("a second user of a state folder is refused until the first has gone") {
  const TempDir dir;
  {
    const auto first = FileStorage::open(dir.path()).value();
    CHECK(FileStorage::open(dir.path()).error().message ==
          dir.path().string() + ": another process is using it");
  }
  CHECK(FileStorage::open(dir.path()));
}

TEST_CASE("a damaged identity is refused, and a checkpoint without one") {
  const TempDir dir;
  const auto path = dir / "identity.json";
  for (const char* text : {"", "{", "[]", R"({"id": 3, "boot": 1})", R"({"id": "12", "boot": 1})",
                           R"({"id": "00000000000000010000000000000002", "boot": -1})",
                           R"({"id": "00000000000000010000000000000002", "boot": 4294967295})"}) {
    INFO(text);
    write_text(path, text);
    CHECK(FileStorage::open(dir.path())
              .value()
              ->start(kFresh)
              .error()
              .message.starts_with(path.string() + ": not an identity"));
  }
  std::filesystem::remove(path);
  {
    const auto storage = FileStorage::open(dir.path()).value();
    REQUIRE(storage->start(kFresh));
    REQUIRE(storage->save(bytes_of("x")));
  }
  std::filesystem::remove(path);
  CHECK(FileStorage::open(dir.path())
            .value()
            ->start(kFresh)
            .error()
            .message.starts_with(path.string() + ": missing beside a checkpoint"));
}

TEST_CASE("no changed bit of an identity makes another peer or another boot of it") {
  const TempDir dir;
  const auto path = dir / "identity.json";
  const auto storage = FileStorage::open(dir.path()).value();
  for (Boot boot = 1; boot <= 10; ++boot) REQUIRE(storage->start({0x1234, 0xabcdef}));
  const std::string whole = read_text(path);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string others = "0123456789abcdef";
    for (int bit = 0; bit < 8; ++bit) others += static_cast<char>(whole[at] ^ (1 << bit));
    for (const char other : others) {
      if (other == whole[at]) continue;
      std::string changed = whole;
      changed[at] = other;
      write_text(path, changed);
      const auto identity = storage->identity();
      if (!identity) {
        ++refused;
        CHECK(identity.error().message.starts_with(path.string() + ": "));
        continue;
      }
      INFO(changed);
      REQUIRE(identity->has_value());
      CHECK((*identity)->id == PeerId{0x1234, 0xabcdef});
      CHECK((*identity)->boot == 10);
    }
  }
  CHECK(refused > 20 * whole.size());
  for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
    write_text(path, whole.substr(0, size));
    CHECK_FALSE(storage->identity());
  }
}

TEST_CASE("an identity of before the checksum is read once, and written with one") {
  const TempDir dir;
  write_text(dir / "identity.json", R"({"id":"00000000000000010000000000000002","boot":4})"
                                    "\n");
  const auto storage = FileStorage::open(dir.path()).value();
  CHECK(storage->identity().value()->boot == 4);
  CHECK(storage->start(kOther).value().id == kFresh);
  CHECK(read_text(dir / "identity.json") ==
        R"({"id":"00000000000000010000000000000002","boot":5,"crc32c":"fa70e1d4"})"
        "\n");
}

TEST_CASE("no changed byte of a checkpoint file is taken for a checkpoint") {
  const TempDir dir;
  {
    const auto storage = FileStorage::open(dir.path()).value();
    REQUIRE(storage->start(kFresh));
    REQUIRE(storage->save(bytes_of("one")));
  }
  const auto path = dir / "checkpoint.1";
  const std::string whole = read_text(path);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    write_text(path, changed);
    CHECK_FALSE(FileStorage::open(dir.path()).value()->load());
  }
}

TEST_CASE("a state folder that cannot be is refused by name") {
  const TempDir dir;
  write_text(dir / "file", "");
  CHECK(FileStorage::open(dir / "file/state")
            .error()
            .message.starts_with((dir / "file/state").string() + ": cannot create"));
}

}  // namespace
}  // namespace murmur::core
