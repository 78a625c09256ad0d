#include "net/trust.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/file_io.hpp"

namespace murmur::net {
namespace {

constexpr std::size_t kFileMax = std::size_t{1} << 20;
constexpr std::size_t kNameMax = 64;
constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

core::Result<std::string> read_text(const std::filesystem::path& file) {
  return core::read_file(file, kFileMax).map([](const core::Bytes& bytes) {
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
}

core::Result<TrustList> parse_file(const std::filesystem::path& file, std::string_view text) {
  return parse_trust(text).map_error([&file](const core::Error& error) {
    return core::Error{fmt::format("{}:{}", file.string(), error.message)};
  });
}

}  // namespace

core::Result<TrustList> parse_trust(std::string_view text) {
  TrustList list;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::size_t gap = std::min(line.find_first_of(kBlanks), line.size());
    const auto key = core::parse_public_key(line.substr(0, gap));
    if (!key) return core::fail(fmt::format("{}: {}", number, key.error().message));
    const std::string_view name = trimmed(line.substr(gap));
    if (name.empty() || name.size() > kNameMax || !printable(name)) {
      return core::fail(
          fmt::format("{}: no name of 1 to {} characters after the key", number, kNameMax));
    }
    if (!list.emplace(*key, name).second) {
      return core::fail(fmt::format("{}: {} stands here twice", number, core::to_string(*key)));
    }
  }
  return list;
}

core::Result<Trust> Trust::open(const std::filesystem::path& file) {
  auto text = read_text(file);
  if (!text) return tl::make_unexpected(text.error());
  auto list = parse_file(file, *text);
  if (!list) return tl::make_unexpected(list.error());
  return Trust(file, std::move(*text), std::move(*list));
}

Trust::Trust(std::filesystem::path file, std::string text, TrustList list)
    : file_(std::move(file)), text_(std::move(text)), list_(std::move(list)) {}

std::optional<Trust::Change> Trust::look() {
  auto text = read_text(file_);
  auto list = text ? (*text == text_ ? core::Result<TrustList>(list_) : parse_file(file_, *text))
                   : core::Result<TrustList>(tl::make_unexpected(text.error()));
  if (!list) {
    if (std::exchange(complaint_, list.error().message) == list.error().message) {
      return std::nullopt;
    }
    return Change{{}, fmt::format("{}; whom this peer trusts stays as it was", complaint_)};
  }
  complaint_.clear();
  if (*text == text_) return std::nullopt;
  text_ = std::move(*text);
  Change change;
  std::string names;
  for (const auto& [key, name] : list_) {
    if (list->contains(key)) continue;
    change.removed.push_back(key);
    names += (names.empty() ? " no longer " : ", ") + name;
  }
  for (const auto& [key, name] : *list) {
    if (!list_.contains(key)) names += (names.empty() ? " now also " : ", now also ") + name;
  }
  change.words = fmt::format("{}: this peer trusts{}, {} in all", file_.string(),
                             names.empty() ? " whom it did" : names, list->size());
  list_ = std::move(*list);
  return change;
}

}  // namespace murmur::net
