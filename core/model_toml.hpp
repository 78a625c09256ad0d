// A model as TOML: `input`, the shape of a sample, and a [[layer]] table for each layer;
// docs/models.md has the grammar.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "core/model_spec.hpp"

namespace murmur::core {

/// `name`: the model's, and what an error begins with. Error: it is no TOML, has a key or a type of
/// layer that is none, names a layer that is not there, or what make_network() refuses.
Result<ModelSpec> parse_model_toml(std::string_view text, const std::string& name);

/// What parse_model_toml() reads as the same layers, a line each. `spec` is a network.
std::string to_toml(const ModelSpec& spec);

}  // namespace murmur::core
