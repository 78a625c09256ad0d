// The models that have a name. docs/models.md writes each of them out.
//
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "core/model_spec.hpp"

namespace murmur::core {

/// "lenet", "cnn", "resnet20", "speech"; nothing for any other name.
std::optional<ModelSpec> preset(std::string_view name);

/// "speech:35": as "speech", of so many words, which has 10. Error: not a number in 2..65536.
Result<ModelSpec> parse_speech(std::string_view text);

/// "gpt:layers=4,heads=4,width=128,context=128": a character model of the GPT-2 kind, each key with
/// that default, and 256 tokens. Error: a key that is none or not a whole number, or what
/// make_network() refuses.
Result<ModelSpec> parse_gpt(std::string_view text);

}  // namespace murmur::core
