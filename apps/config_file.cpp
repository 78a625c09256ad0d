#include "apps/config_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/file_io.hpp"
#include "core/toml.hpp"

namespace murmur::apps {
namespace {

constexpr std::size_t kConfigMax = std::size_t{1} << 20;

std::optional<std::string> spelled(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* whole = node.as_integer()) return fmt::format("{}", whole->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  return std::nullopt;
}

}  // namespace

core::Result<std::vector<ConfigEntry>> read_config(const std::filesystem::path& path) {
  const auto bytes = core::read_file(path, kConfigMax);
  if (!bytes) return tl::make_unexpected(bytes.error());
  const auto at = [&path](std::size_t line, std::string_view what) {
    return core::fail(fmt::format("{}:{}: {}", path.string(), line, what));
  };
  const auto table = core::parse_toml(
      std::string_view(reinterpret_cast<const char*>(bytes->data()), bytes->size()));
  if (!table && table.error().line == 0) {
    return core::fail(fmt::format("{}: {}", path.string(), table.error().what));
  }
  if (!table) return at(table.error().line, table.error().what);
  std::vector<ConfigEntry> entries;
  for (auto&& [key, node] : *table) {
    ConfigEntry entry{std::string(key.str()), {}, node.is_array(), node.source().begin.line};
    if (node.is_table()) {
      return at(entry.line,
                fmt::format("[{}] is a table; keys are flags, without sections", entry.key));
    }
    const auto take = [&entry](const toml::node& value) {
      const auto text = spelled(value);
      if (text) entry.values.push_back(*text);
      return text.has_value();
    };
    bool plain = true;
    if (const auto* array = node.as_array()) {
      for (const toml::node& element : *array) plain = plain && take(element);
    } else {
      plain = take(node);
    }
    if (!plain) {
      return at(entry.line, fmt::format("{}: neither text, a number, true nor false", entry.key));
    }
    entries.push_back(std::move(entry));
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.line < b.line; });
  return entries;
}

}  // namespace murmur::apps
