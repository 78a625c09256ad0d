#include "core/ids.hpp"

#include <fmt/format.h>

#include <charconv>

namespace murmur::core {

std::string to_string(PeerId id) { return fmt::format("{:016x}{:016x}", id.high, id.low); }

std::string short_name(PeerId id) { return fmt::format("{:04x}", id.high >> 48); }

Result<PeerId> parse_peer_id(std::string_view text) {
  PeerId id;
  if (text.size() == 32) {
    const char* const begin = text.data();
    const auto high = std::from_chars(begin, begin + 16, id.high, 16);
    const auto low = std::from_chars(begin + 16, begin + 32, id.low, 16);
    if (high.ptr == begin + 16 && low.ptr == begin + 32 && id) return id;
  }
  return fail(fmt::format("'{}' is not a peer id (32 hexadecimal digits, not all zero)", text));
}

}  // namespace murmur::core
