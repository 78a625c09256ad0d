// The vectors are of Python's hashlib and of RFC 7748: other implementations.
#include "core/keys.hpp"

#include <sys/stat.h>

#include <bit>
#include <numeric>

#include "core/hexadecimal.hpp"
#include "core/key_files.hpp"
#include "core/storage.hpp"
#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::core {
namespace {

namespace fs = std::filesystem;
using murmur::testing::read_text;
using murmur::testing::TempDir;
using murmur::testing::write_text;

/// 0, 1, 2, ...
SwarmKey rising() {
  SwarmKey key;
  std::iota(key.bytes.begin(), key.bytes.end(), 0);
  return key;
}
/// 31, 30, 29, ...
SecretKey falling() {
  SecretKey secret;
  std::iota(secret.bytes.rbegin(), secret.bytes.rend(), 0);
  return secret;
}

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

TEST_CASE("a public key is its secret times the base point, as RFC 7748 has it") {
  const SecretKey nine{{9}};  // its section 5.2, after one iteration
  CHECK(to_string(key_pair(nine).shown) ==
        "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
}

TEST_CASE("ids, listening keys and proofs are the documented functions of the keys") {
  const KeyPair keys = key_pair(falling());
  CHECK(to_string(keys.shown) ==
        "87968c1c1642bd0600f6ad869b88f92c9623d0dfc44f01deffe21c9add3dca5f");
  CHECK(to_string(peer_id(keys.shown)) == "c9cc7038d29c54ae7c3d34263f930f49");
  CHECK(swarm_id(rising()) == 0x1c9728b236773a7a);
  CHECK(swarm_id("flock") == 0x193b30528ca64201);
  const KeyPair listening = listening_keys(rising());
  CHECK(to_hexadecimal(listening.secret.bytes) ==
        "db6b0bf7e8f7448b31581d65d643091739b8d0fb9556a5e925b2b6a67e676b7f");
  CHECK(to_string(listening.shown) ==
        "3cd4bcaedb162c8bf7ac3d40ee1f05c61386085bd2acbd50044422c5bc0bef1d");
  CHECK(to_hexadecimal(std::bit_cast<KeyBytes>(membership_proof(rising(), keys.shown))) ==
        "6e4a3c35fd12ee7e3854e6b0f127233224aaad861ca2e0bc2eab2f3787a56a81");
}

TEST_CASE("another swarm key or another member makes another proof") {
  const KeyPair one = key_pair(falling());
  const KeyPair other = key_pair({rising().bytes});
  SwarmKey key = rising();
  const Proof proof = membership_proof(key, one.shown);
  CHECK(membership_proof(key, other.shown) != proof);
  key.bytes[31] ^= 1;
  CHECK(membership_proof(key, one.shown) != proof);
}

TEST_CASE("a public key is read from 64 digits and from nothing else") {
  const PublicKey key = key_pair(falling()).shown;
  CHECK(parse_public_key(to_string(key)).value() == key);
  for (std::string text :
       {std::string(), std::string(63, '0'), std::string(65, '0'), std::string(64, 'g'),
        "0x" + std::string(62, '0'), "-1" + std::string(62, '0'), std::string(63, '0') + " "}) {
    INFO(text);
    CHECK_FALSE(parse_public_key(text));
  }
}

TEST_CASE("a key file is made once, for its owner alone, and read again") {
  const TempDir dir;
  const ::mode_t usual = ::umask(0);
  REQUIRE(create_swarm_key(dir / "swarm.key", rising()));
  REQUIRE(create_identity_key(dir / "identity.key", falling()));
  ::umask(usual);
  CHECK(mode_of(dir / "swarm.key") == 0600);
  CHECK(mode_of(dir / "identity.key") == 0600);
  CHECK(read_swarm_key(dir / "swarm.key").value().bytes == rising().bytes);
  CHECK(read_identity_key(dir / "identity.key").value().bytes == falling().bytes);
  const std::string before = read_text(dir / "swarm.key");
  CHECK(create_swarm_key(dir / "swarm.key", {}).error().message ==
        (dir / "swarm.key").string() + ": it is there already, and stays");
  CHECK(read_text(dir / "swarm.key") == before);
  CHECK(std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()) == 2);
}

TEST_CASE("a key file that others may use is refused with its mode") {
  const TempDir dir;
  const auto path = dir / "swarm.key";
  REQUIRE(create_swarm_key(path, rising()));
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0610, 0644, 0777}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    const auto read = read_swarm_key(path);
    REQUIRE_FALSE(read);
    CHECK(read.error().message.starts_with(path.string() + ": a secret that others may use"));
  }
  REQUIRE(::chmod(path.c_str(), 0400) == 0);
  CHECK(read_swarm_key(path));
}

TEST_CASE("no changed bit of a key file makes another key of it") {
  const TempDir dir;
  const auto path = dir / "swarm.key";
  REQUIRE(create_swarm_key(path, rising()));
  const std::string whole = read_text(path);
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    write_text(path, changed);
    INFO(changed);
    const auto read = read_swarm_key(path);
    REQUIRE_FALSE(read);
    CHECK(read.error().message.starts_with(path.string() + ": "));
  }
  for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
    write_text(path, whole.substr(0, size));
    CHECK_FALSE(read_swarm_key(path));
  }
  write_text(path, whole);
  CHECK(read_swarm_key(path));
}

TEST_CASE("one kind of key is not taken for the other") {
  const TempDir dir;
  REQUIRE(create_swarm_key(dir / "a", rising()));
  REQUIRE(create_identity_key(dir / "b", falling()));
  CHECK(read_identity_key(dir / "a").error().message ==
        (dir / "a").string() + ": not an identity key");
  CHECK(read_swarm_key(dir / "b").error().message == (dir / "b").string() + ": not a swarm key");
}

TEST_CASE("a state folder draws its key pair once, and its id is the key's") {
  const TempDir dir;
  const PeerId id = peer_id(key_pair(falling()).shown);
  for (Boot boot = 1; boot <= 3; ++boot) {
    const auto storage = FileStorage::open(dir.path()).value();
    const auto keys = storage->keys(boot == 1 ? falling() : SecretKey{rising().bytes});
    REQUIRE(keys);
    CHECK(keys->secret.bytes == falling().bytes);
    const Identity identity = storage->start(peer_id(keys->shown)).value();
    CHECK(identity.id == id);
    CHECK(identity.boot == boot);
  }
  CHECK(mode_of(dir / "identity.key") == 0600);
}

TEST_CASE("a folder whose key is missing, open or another's starts nobody") {
  const TempDir dir;
  const auto storage = FileStorage::open(dir.path()).value();
  const auto path = dir / "identity.key";
  const auto refusal = [&] { return storage->keys(falling()).error().message; };
  REQUIRE(storage->start({1, 2}));  // as before there were keys
  CHECK(refusal() ==
        path.string() + ": missing beside identity.json, and no other can take its place; remove " +
            dir.path().string() + " to start a new peer");
  CHECK_FALSE(fs::exists(path));
  REQUIRE(create_identity_key(path, falling()));
  CHECK(refusal() == path.string() +
                         ": of peer c9cc7038d29c54ae7c3d34263f930f49, but identity.json is of peer "
                         "00000000000000010000000000000002");
  fs::remove(dir / "identity.json");
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  CHECK(refusal().starts_with(path.string() + ": a secret that others may use, of mode 0644"));
}

}  // namespace
}  // namespace murmur::core
