// Any text as what a person writes: a --config file, a model, a trust list, a key. The first byte
// says which. What is refused is refused in words; a model that is taken is written, and read,
// again.
#include <cstdlib>
#include <string>
#include <string_view>

#include "apps/config_file.hpp"
#include "core/keys.hpp"
#include "core/model_toml.hpp"
#include "net/trust.hpp"
#include "tests/fuzz/temporary.hpp"

using namespace murmur;

namespace {

template <class T>
void check_words(const core::Result<T>& result) {
  if (!result && result.error().message.empty()) std::abort();
}

void read_model(std::string_view text) {
  const auto model = core::parse_model_toml(text, "fuzzed");
  check_words(model);
  if (!model) return;
  const std::string again = core::to_toml(*model);
  const auto second = core::parse_model_toml(again, "fuzzed");
  if (!second || core::to_toml(*second) != again) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      check_words(apps::read_config(
          fuzz::written("config.toml", std::as_bytes(std::span(text.data(), text.size())))));
      break;
    case 1:
      read_model(text);
      break;
    case 2:
      // A file's name is no text to be read here.
      if (!text.ends_with(".toml")) check_words(core::parse_model(text));
      break;
    case 3:
      check_words(net::parse_trust(text));
      break;
    default:
      check_words(core::parse_public_key(text));
  }
  return 0;
}
