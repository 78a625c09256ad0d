// Bytes as hexadecimal digits, lower case. Thread rule: free functions.
#pragma once

#include <charconv>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace murmur::core {

inline std::string to_hexadecimal(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15U];
  }
  return text;
}

/// False if `text` is not exactly the digits of as many bytes as `into` has.
inline bool from_hexadecimal(std::string_view text, std::span<std::uint8_t> into) {
  if (text.size() != 2 * into.size()) return false;
  for (std::size_t i = 0; i < into.size(); ++i) {
    const char* const at = text.data() + 2 * i;
    if (std::from_chars(at, at + 2, into[i], 16).ptr != at + 2) return false;
  }
  return true;
}

}  // namespace murmur::core
