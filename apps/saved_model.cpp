#include "apps/saved_model.hpp"

#include <fmt/format.h>

#include "apps/results.hpp"
#include "apps/training.hpp"
#include "core/safetensors.hpp"

namespace murmur::apps {
namespace {

constexpr std::size_t kFileMax = std::size_t{1} << 33;

core::Result<core::ModelSpec> named_in(const core::TensorFile& file,
                                       const std::filesystem::path& path) {
  const auto name = file.metadata.find("model");
  if (name == file.metadata.end()) {
    return core::fail(
        fmt::format("{}: it does not say which model it is; give --model", path.string()));
  }
  if (name->second.ends_with(".toml")) {
    return core::fail(
        fmt::format("{}: a model of {}; give that file as --model", path.string(), name->second));
  }
  auto model = core::parse_model(name->second);
  if (!model) {
    return core::fail(fmt::format("{}: {}", path.string(), model.error().message));
  }
  return model;
}

}  // namespace

core::Result<SavedModel> load_saved_model(const std::filesystem::path& path,
                                          const std::optional<core::ModelSpec>& model) {
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(path, ignored);
  const std::filesystem::path file = folder ? path / kModelName : path;
  const auto tensors = core::read_tensor_file(file, kFileMax);
  if (!tensors) return tl::make_unexpected(tensors.error());
  SavedModel saved{file, {}, nullptr, {}};
  if (model) {
    saved.model = *model;
  } else {
    auto named = named_in(*tensors, file);
    if (!named) return tl::make_unexpected(named.error());
    saved.model = *std::move(named);
  }
  if (saved.model.closed_form()) {
    return core::fail(
        fmt::format("{}: {} is for murmur sim alone", file.string(), core::to_string(saved.model)));
  }
  if (const auto step = tensors->metadata.find("step"); step != tensors->metadata.end()) {
    saved.step = step->second;
  }
  auto parameters = load_parameters(file, saved.model);
  if (!parameters) return tl::make_unexpected(parameters.error());
  saved.parameters = *std::move(parameters);
  return saved;
}

}  // namespace murmur::apps
