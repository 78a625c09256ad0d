#include "gossip/words.hpp"

#include <fmt/format.h>

#include <optional>

namespace murmur::gossip {
namespace {

constexpr std::size_t kValueMax = 40;  // shown of a stranger's

std::string_view key_of(std::string_view word) { return word.substr(0, word.find('=')); }

std::string_view value_of(std::string_view word) {
  const std::size_t at = word.find('=');
  return at == std::string_view::npos ? "" : word.substr(at + 1);
}

/// The value of `key` among the words after the model.
std::optional<std::string_view> find(std::string_view text, std::string_view key) {
  std::size_t at = text.find(' ');
  while (at != std::string_view::npos) {
    const std::size_t end = text.find(' ', at + 1);
    const std::string_view word =
        text.substr(at + 1, end == std::string_view::npos ? std::string_view::npos : end - at - 1);
    if (key_of(word) == key) return value_of(word);
    at = end;
  }
  return std::nullopt;
}

std::string_view count_of(std::string_view part) {
  const std::size_t at = part.find('/');
  return at == std::string_view::npos ? "" : part.substr(at + 1);
}

}  // namespace

std::string model_and_words(std::string_view model, const std::vector<std::string>& words,
                            std::size_t max) {
  std::string text(model.substr(0, max));
  for (const std::string& word : words) {
    if (text.size() + 1 + word.size() <= max) text += " " + word;
  }
  return text;
}

std::string_view model_in(std::string_view text) { return text.substr(0, text.find(' ')); }

std::string differences(const std::vector<std::string>& ours, std::string_view text) {
  std::string all;
  for (const std::string& word : ours) {
    const std::string_view key = key_of(word);
    const std::string_view here = value_of(word);
    const auto there = find(text, key);
    if (!there) continue;
    std::string one;
    if (key == "part" && *there == here && count_of(here) != "1") {
      one = fmt::format("part {} here and there", here);
    } else if (key == "part" ? count_of(*there) != count_of(here) : *there != here) {
      one = fmt::format("{} {} here, {} there", key, here, there->substr(0, kValueMax));
    }
    if (!one.empty()) all += (all.empty() ? "" : "; ") + one;
  }
  return all;
}

}  // namespace murmur::gossip
