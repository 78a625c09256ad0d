#include "core/key_files.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "core/file_io.hpp"
#include "core/hexadecimal.hpp"

namespace murmur::core {
namespace {

constexpr std::size_t kFileMax = 4096;
constexpr std::size_t kChecksumDigits = 8;
struct Kind {
  std::string_view prefix;
  std::string_view in_words;
};
constexpr Kind kIdentity{"murmur identity key ", "an identity key"};
constexpr Kind kSwarm{"murmur swarm key ", "a swarm key"};

std::string checksum_of(std::string_view text) {
  return fmt::format("{:08x}", crc32c(std::as_bytes(std::span(text))));
}

Result<void> create(const std::filesystem::path& path, Kind kind, const KeyBytes& bytes) {
  const std::string line = std::string(kind.prefix) + to_hexadecimal(bytes) + " ";
  const std::string text = line + checksum_of(line) + "\n";
  return create_secret_file(path, std::as_bytes(std::span(text)));
}

Result<KeyBytes> read(const std::filesystem::path& path, Kind kind) {
  const auto bytes = read_secret_file(path, kFileMax);
  if (!bytes) return tl::make_unexpected(bytes.error());
  std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  if (text.ends_with('\n')) text.remove_suffix(1);
  const std::size_t line = kind.prefix.size() + 2 * kKeyBytes + 1;
  if (!text.starts_with(kind.prefix)) {
    return fail(fmt::format("{}: not {}", path.string(), kind.in_words));
  }
  KeyBytes key;
  if (text.size() != line + kChecksumDigits || text[line - 1] != ' ' ||
      !from_hexadecimal(text.substr(kind.prefix.size(), 2 * kKeyBytes), key) ||
      text.substr(line) != checksum_of(text.substr(0, line))) {
    return fail(fmt::format("{}: {} that is damaged", path.string(), kind.in_words));
  }
  return key;
}

}  // namespace

Result<void> create_identity_key(const std::filesystem::path& path, const SecretKey& secret) {
  return create(path, kIdentity, secret.bytes);
}

Result<void> create_swarm_key(const std::filesystem::path& path, const SwarmKey& key) {
  return create(path, kSwarm, key.bytes);
}

Result<SecretKey> read_identity_key(const std::filesystem::path& path) {
  return read(path, kIdentity).map([](const KeyBytes& bytes) { return SecretKey{bytes}; });
}

Result<SwarmKey> read_swarm_key(const std::filesystem::path& path) {
  return read(path, kSwarm).map([](const KeyBytes& bytes) { return SwarmKey{bytes}; });
}

}  // namespace murmur::core
