// The models that have a name. docs/models.md writes each of them out.
//
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "core/model_spec.hpp"

namespace murmur::core {

/// "lenet", "cnn", "resnet20"; nothing for any other name.
std::optional<ModelSpec> preset(std::string_view name);

}  // namespace murmur::core
