#define TOML_IMPLEMENTATION
#include "core/toml.hpp"

#include <algorithm>
#include <stdexcept>

namespace murmur::core {

void detail::toml_took_for_granted() { throw std::logic_error("not as TOML++ takes for granted"); }

tl::expected<toml::table, TomlError> parse_toml(std::string_view text) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    TomlError bad{error.source().begin.line, std::string(error.description())};
    std::replace(bad.what.begin(), bad.what.end(), '\n', ' ');
    return tl::make_unexpected(std::move(bad));
  } catch (const std::logic_error&) {
    return tl::make_unexpected(TomlError{0, "a [header] that begins with no name"});
  }
}

}  // namespace murmur::core
