// Text as data: its bytes are the tokens, and what is to be told of each is the one that follows.
//
// Thread rule: free functions.
#pragma once

#include <cstddef>
#include <filesystem>

#include "core/dataset.hpp"
#include "core/result.hpp"

namespace murmur::core {

/// A byte is a token, so that any text in any language has the same ones.
inline constexpr std::size_t kTextTokens = 256;

/// Plain or .gz; the last tenth is held out. What it gives has tokens, but no rows yet:
/// in_context() cuts them. Error: it cannot be read, or has fewer than 20 bytes.
Result<Dataset> load_text(const std::filesystem::path& file);

/// Rows of `context` tokens of `text`. Error: it is too short for one.
Result<Samples> in_context(const Samples& text, std::size_t context);

/// Part `index` of `count` of a text, each as long and none overlapping.
Samples part_of_text(const Samples& text, std::size_t index, std::size_t count);

}  // namespace murmur::core
