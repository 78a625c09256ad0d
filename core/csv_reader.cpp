#include "core/csv_reader.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <string_view>

namespace murmur::core {
namespace {

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// Messages show at most this much of what a file holds.
std::string quote(std::string_view text) {
  constexpr std::size_t kShown = 40;
  std::string shown(text.substr(0, kShown));
  for (char& c : shown) {
    if (c < ' ' || c > '~') c = '?';
  }
  return fmt::format("'{}{}'", shown, text.size() > kShown ? "..." : "");
}

template <class T>
bool parse_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<Samples> parse_csv(ByteView text, const std::string& name, std::size_t classes_max) {
  std::string_view rest(reinterpret_cast<const char*>(text.data()), text.size());
  Samples samples;
  std::size_t columns = 0;
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const auto end = rest.find('\n');
    std::string_view fields = trim(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (fields.empty()) continue;

    std::size_t column = 0;
    for (bool more = true; more; ++column) {
      const auto comma = fields.find(',');
      const std::string_view field = trim(fields.substr(0, comma));
      more = comma != std::string_view::npos;
      if (more) {
        fields = fields.substr(comma + 1);
        float value = 0;
        if (!parse_number(field, value) || !std::isfinite(value)) {
          return fail(fmt::format("{}:{}: column {}: {} is not a number", name, line, column + 1,
                                  quote(field)));
        }
        samples.floats.push_back(value);
        continue;
      }
      std::int64_t label = 0;
      if (!parse_number(field, label)) {
        return fail(fmt::format("{}:{}: column {}: label {} is not an integer", name, line,
                                column + 1, quote(field)));
      }
      if (label < 0 || static_cast<std::uint64_t>(label) >= classes_max) {
        return fail(
            fmt::format("{}:{}: label {} is not in 0..{}", name, line, label, classes_max - 1));
      }
      samples.labels.push_back(static_cast<std::int32_t>(label));
    }
    if (columns == 0) columns = column;
    if (column != columns || column < 2) {
      return fail(fmt::format("{}:{}: {} columns, not {}", name, line, column,
                              column < 2 ? "2 or more" : std::to_string(columns)));
    }
    ++samples.rows;
  }
  if (samples.rows == 0) return fail(name + ": no data");
  samples.width = columns - 1;
  return samples;
}

}  // namespace murmur::core
