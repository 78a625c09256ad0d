#include "core/csv_reader.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

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

/// The fields of one line, trimmed. A comma between double quotes does not part them, and a field
/// wholly within quotes is what stands between them.
void split_fields(std::string_view line, std::vector<std::string_view>& fields) {
  fields.clear();
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t at = 0; at <= line.size(); ++at) {
    if (at < line.size() && line[at] == '"') quoted = !quoted;
    if (at < line.size() && (quoted || line[at] != ',')) continue;
    std::string_view field = trim(line.substr(begin, at - begin));
    if (field.size() > 1 && field.front() == '"' && field.back() == '"') {
      field = trim(field.substr(1, field.size() - 2));
    }
    fields.push_back(field);
    begin = at + 1;
  }
}

/// The finite number that `text` is: a sign of either kind, and what is too small is zero.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  // from_chars does not say whether it was too large or too small.
  if (error == std::errc::result_out_of_range) {
    value = std::strtof(std::string(text).c_str(), nullptr);
  } else if (error != std::errc()) {
    return std::nullopt;
  }
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

bool names_columns(const std::vector<std::string_view>& fields) {
  for (const std::string_view field : fields) {
    if (parse_number<double>(field)) return false;
  }
  return fields.size() > 1;
}

Result<std::int32_t> parse_label(std::string_view field, std::size_t column,
                                 std::size_t classes_max) {
  const auto value = parse_number<double>(field);
  if (!value || *value != std::floor(*value)) {
    return fail(fmt::format("column {}: label {} is not an integer", column, quote(field)));
  }
  if (*value < 0 || *value >= static_cast<double>(classes_max)) {
    return fail(fmt::format("label {} is not in 0..{}", *value, classes_max - 1));
  }
  return static_cast<std::int32_t>(*value);
}

Result<float> parse_value(std::string_view field, std::size_t column) {
  const auto value = parse_number<float>(field);
  if (!value) return fail(fmt::format("column {}: {} is not a number", column, quote(field)));
  return *value;
}

/// `take_last(samples, field, column)` reads the last one of a line.
template <class TakeLast>
Result<Samples> parse_lines(ByteView text, const std::string& name, const TakeLast& take_last) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  std::string_view rest(reinterpret_cast<const char*>(text.data()), text.size());
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  Samples samples;
  std::vector<std::string_view> fields;
  std::size_t columns = 0;
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const auto end = rest.find('\n');
    const std::string_view whole = trim(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (whole.empty()) continue;

    split_fields(whole, fields);
    const bool first = columns == 0;
    if (first) columns = fields.size();
    if (fields.size() != columns || columns < 2) {
      return fail(fmt::format("{}:{}: {} columns, not {}", name, line, fields.size(),
                              columns < 2 ? "2 or more" : std::to_string(columns)));
    }
    if (first && names_columns(fields)) continue;

    for (std::size_t column = 0; column + 1 < columns; ++column) {
      const auto value = parse_value(fields[column], column + 1);
      if (!value) return fail(fmt::format("{}:{}: {}", name, line, value.error().message));
      samples.floats.push_back(*value);
    }
    const Result<void> taken = take_last(samples, fields.back(), columns);
    if (!taken) return fail(fmt::format("{}:{}: {}", name, line, taken.error().message));
    ++samples.rows;
  }
  if (samples.rows == 0) return fail(name + ": no data");
  samples.width = columns - 1;
  return samples;
}

}  // namespace

Result<Samples> parse_csv(ByteView text, const std::string& name, std::size_t classes_max) {
  return parse_lines(text, name,
                     [classes_max](Samples& samples, std::string_view field, std::size_t column) {
                       return parse_label(field, column, classes_max).map([&](std::int32_t label) {
                         samples.labels.push_back(label);
                       });
                     });
}

Result<Samples> parse_csv_targets(ByteView text, const std::string& name) {
  auto samples =
      parse_lines(text, name, [](Samples& rows, std::string_view field, std::size_t column) {
        return parse_value(field, column).map([&](float target) {
          rows.targets.push_back(target);
        });
      });
  if (samples) samples->target_width = 1;
  return samples;
}

}  // namespace murmur::core
