#include "core/identity_file.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/file_io.hpp"

namespace murmur::core {
namespace {

constexpr std::size_t kFileMax = 4096;

/// Of what is meant, not of how it is written.
std::string checksum(Identity identity) {
  const std::string text = fmt::format("{} {}", to_string(identity.id), identity.boot);
  return fmt::format("{:08x}", crc32c(std::as_bytes(std::span(text))));
}

}  // namespace

Result<Identity> read_identity(const std::filesystem::path& path) {
  const auto text = read_file(path, kFileMax);
  if (!text) return tl::make_unexpected(text.error());
  const auto* const begin = reinterpret_cast<const char*>(text->data());
  const auto json = nlohmann::json::parse(begin, begin + text->size(), nullptr, false);
  const bool shaped = json.is_object() && json.contains("id") && json["id"].is_string() &&
                      json.contains("boot") && json["boot"].is_number_unsigned();
  // A damaged key must not make a file of before the checksum out of one that has it.
  const bool checked = shaped && json.contains("crc32c") && json["crc32c"].is_string();
  const bool complete = shaped && json.size() == (checked ? 3 : 2);
  const auto id = parse_peer_id(complete ? json["id"].get<std::string>() : std::string());
  const std::uint64_t boot = complete ? json["boot"].get<std::uint64_t>() : 0;
  if (!id || boot >= std::numeric_limits<Boot>::max()) {
    return fail(fmt::format("{}: not an identity, {{\"id\": 32 hexadecimal digits, \"boot\": N}}",
                            path.string()));
  }
  const Identity identity{*id, static_cast<Boot>(boot)};
  if (checked && json["crc32c"].get<std::string>() != checksum(identity)) {
    return fail(
        fmt::format("{}: damaged: its checksum is not that of its id and boot", path.string()));
  }
  return identity;
}

Result<void> write_identity(const std::filesystem::path& path, Identity identity) {
  const std::string text =
      nlohmann::ordered_json{
          {"id", to_string(identity.id)}, {"boot", identity.boot}, {"crc32c", checksum(identity)}}
          .dump() +
      "\n";
  const std::array<ByteView, 1> parts{std::as_bytes(std::span(text))};
  return write_file_atomically(path, parts);
}

}  // namespace murmur::core
