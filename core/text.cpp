#include "core/text.hpp"

#include <fmt/format.h>

#include "core/check.hpp"
#include "core/file_io.hpp"

namespace murmur::core {
namespace {

constexpr std::size_t kTextMax = std::size_t{1} << 31;  // a row's number has 32 bits
constexpr std::size_t kTextMin = 20;
constexpr std::size_t kHeldOut = 10;  // one part of so many

Samples text_of(const std::uint8_t* begin, std::size_t size) {
  Samples samples;
  samples.tokens.assign(begin, begin + size);
  return samples;
}

}  // namespace

Result<Dataset> load_text(const std::filesystem::path& file) {
  const auto bytes = read_data_file(file, kTextMax);
  if (!bytes) return tl::make_unexpected(bytes.error());
  if (bytes->size() < kTextMin) {
    return fail(fmt::format("{}: a text of {} bytes, fewer than {}", file.string(), bytes->size(),
                            kTextMin));
  }
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(bytes->data());
  const std::size_t held_out = bytes->size() / kHeldOut;
  const std::size_t train = bytes->size() - held_out;
  return Dataset{"text", text_of(begin, train), text_of(begin + train, held_out), kTextTokens};
}

Result<Samples> in_context(const Samples& text, std::size_t context) {
  CHECK_INVARIANT(context > 0);
  // The last row's tokens, a phase before the next row's, and what follows them.
  const std::size_t tokens = text.tokens.size();
  const std::size_t rows = tokens < context ? 0 : (tokens - context) / context;
  if (rows == 0) {
    return fail(
        fmt::format("text: {} tokens of a part are too few for a context of {}: {} are one "
                    "row",
                    tokens, context, 2 * context));
  }
  Samples samples = text;
  samples.rows = rows;
  samples.width = context;
  return samples;
}

Samples part_of_text(const Samples& text, std::size_t index, std::size_t count) {
  CHECK_INVARIANT(index < count);
  const std::size_t size = text.tokens.size();
  const std::size_t begin = size * index / count;
  return text_of(text.tokens.data() + begin, size * (index + 1) / count - begin);
}

}  // namespace murmur::core
