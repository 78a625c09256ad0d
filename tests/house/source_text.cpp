#include "tests/house/source_text.hpp"

#include <algorithm>
#include <cctype>

namespace murmur::house {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::string_view trimmed(std::string_view line) {
  const auto begin = line.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : line.substr(begin);
}

/// The end of the literal or comment that starts at `i`, or `i` where none does.
std::size_t prose_end(std::string_view s, std::size_t i) {
  const auto past = [&](std::string_view what, std::size_t from) {
    const auto at = s.find(what, from);
    return at == std::string_view::npos ? s.size() : at + what.size();
  };
  if (s.substr(i, 2) == "//") return std::min(s.find('\n', i), s.size());
  if (s.substr(i, 2) == "/*") return past("*/", i + 2);
  if (s.substr(i, 2) == "R\"") {
    const auto open = s.find('(', i);
    if (open == std::string_view::npos) return s.size();
    return past(")" + std::string(s.substr(i + 2, open - i - 2)) + "\"", open);
  }
  const char quote = s[i];
  // In 1'000'000 the mark is a separator.
  const bool separator = quote == '\'' && i > 0 && is_word(s[i - 1]);
  if ((quote != '"' && quote != '\'') || separator) return i;
  for (++i; i < s.size() && s[i] != quote; ++i) {
    if (s[i] == '\\') ++i;
  }
  return std::min(i + 1, s.size());
}

}  // namespace

std::vector<Include> includes_of(std::string_view source) {
  std::vector<Include> includes;
  for (std::string_view line : lines_of(source)) {
    line = trimmed(line);
    if (!line.starts_with('#')) continue;
    line = trimmed(line.substr(1));
    if (!line.starts_with("include")) continue;
    line = trimmed(line.substr(7));
    if (line.empty() || (line[0] != '"' && line[0] != '<')) continue;
    const auto end = line.find(line[0] == '"' ? '"' : '>', 1);
    includes.push_back({std::string(line.substr(1, end - 1)), line[0] == '"'});
  }
  return includes;
}

std::string without_prose(std::string_view source) {
  std::string code(source);
  for (std::size_t i = 0; i < code.size();) {
    const std::size_t end = prose_end(source, i);
    if (end == i) ++i;
    for (; i < end; ++i) {
      if (code[i] != '\n') code[i] = ' ';
    }
  }
  return code;
}

std::set<std::string> identifiers_of(std::string_view source) {
  std::set<std::string> words;
  const std::string code = without_prose(source);
  for (const std::string_view line : lines_of(code)) {
    if (trimmed(line).starts_with('#')) continue;
    for (std::size_t i = 0; i < line.size();) {
      std::size_t end = i;
      while (end < line.size() && is_word(line[end])) ++end;
      if (end > i && !std::isdigit(static_cast<unsigned char>(line[i]))) {
        words.emplace(line.substr(i, end - i));
      }
      i = end + 1;
    }
  }
  return words;
}

}  // namespace murmur::house
