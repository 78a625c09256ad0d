// What a peer left in its --out, or any safetensors file with a model's parameters.
//
// Thread rule: a free function.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model_spec.hpp"
#include "core/result.hpp"

namespace murmur::apps {

struct SavedModel {
  std::filesystem::path file;
  core::ModelSpec model;
  std::shared_ptr<const std::vector<float>> parameters;
  std::string step;  ///< as the file says it; empty: it does not
};

/// `path`: the file, or the folder that has it as model.safetensors. `model`: in place of the one
/// that the file names. Error: there is none, it does not say which model it is of, or it is of
/// another one.
core::Result<SavedModel> load_saved_model(const std::filesystem::path& path,
                                          const std::optional<core::ModelSpec>& model);

}  // namespace murmur::apps
