#include "core/model_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "core/file_io.hpp"
#include "core/model_toml.hpp"
#include "core/presets.hpp"

namespace murmur::core {
namespace {

constexpr std::size_t kWidthMax = 65536;
constexpr std::size_t kClosedFormMax = std::size_t{1} << 28;
constexpr std::size_t kParametersMax = std::size_t{1} << 28;

Result<std::size_t> parse_width(std::string_view model, std::string_view text,
                                std::size_t width_max) {
  std::size_t width = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), width);
  if (error != std::errc() || end != text.data() + text.size() || width == 0 || width > width_max) {
    return fail(fmt::format("model '{}': width '{}' is not in 1..{}", model, text, width_max));
  }
  return width;
}

Result<ModelSpec> parse_mlp(std::string_view model, std::string_view widths) {
  std::vector<std::size_t> read;
  for (bool more = true; more;) {
    const auto dash = widths.find('-');
    const auto width = parse_width(model, widths.substr(0, dash), kWidthMax);
    if (!width) return tl::make_unexpected(width.error());
    read.push_back(*width);
    more = dash != std::string_view::npos;
    if (more) widths = widths.substr(dash + 1);
  }
  if (read.size() < 2) {
    return fail(fmt::format("model '{}': {} width, 2 or more make a network", model, read.size()));
  }
  std::vector<LayerSpec> layers;
  for (std::size_t i = 1; i < read.size(); ++i) {
    if (i > 1) layers.emplace_back(ReluSpec{});
    layers.emplace_back(LinearSpec{read[i]});
  }
  // Printed anew: "064" is a width too.
  return make_network(fmt::format("mlp:{}", fmt::join(read, "-")), {read.front()},
                      in_sequence(layers));
}

Result<ModelSpec> read_model(const std::filesystem::path& file) {
  constexpr std::size_t kBytesMax = std::size_t{1} << 20;
  const auto bytes = read_file(file, kBytesMax);
  if (!bytes) return fail(fmt::format("model: {}", bytes.error().message));
  return parse_model_toml({reinterpret_cast<const char*>(bytes->data()), bytes->size()},
                          file.filename().string());
}

}  // namespace

std::vector<Layer> in_sequence(const std::vector<LayerSpec>& layers) {
  std::vector<Layer> sequence;
  for (const LayerSpec& spec : layers) {
    const std::size_t place = sequence.size();
    sequence.push_back({spec, std::to_string(place), place});
  }
  return sequence;
}

Result<ModelSpec> make_network(std::string text, Shape input, std::vector<Layer> layers) {
  if (layers.empty()) return fail(fmt::format("model '{}': no layers", text));
  ModelSpec spec{ModelKind::kNetwork, std::move(text), 0, std::move(layers), {std::move(input)}};
  std::vector<bool> taken(spec.layers.size() + 1, false);
  std::size_t parameters = 0;
  std::set<std::string> names;  // of those: a file that holds them finds them by it
  const auto bad = [&spec](const Layer& layer, const std::string& what) {
    return fail(fmt::format("model '{}': layer {} ({}): {}", spec.text, layer.name,
                            type_of(layer.spec), what));
  };
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    const Layer& layer = spec.layers[i];
    CHECK_INVARIANT(layer.from <= i);
    const Shape& given = spec.shapes[layer.from];
    taken[layer.from] = true;
    if (const auto* sum = std::get_if<AddSpec>(&layer.spec)) {
      CHECK_INVARIANT(sum->with <= i);
      taken[sum->with] = true;
      if (const Shape& other = spec.shapes[sum->with]; other != given) {
        return bad(layer, fmt::format("{} and {} do not add", to_string(given), to_string(other)));
      }
    }
    if (std::holds_alternative<EmbeddingSpec>(layer.spec) && layer.from != 0) {
      return bad(layer, "it takes the model's input alone: only that is tokens");
    }
    auto shape = output_shape(layer.spec, given);
    if (!shape) return bad(layer, shape.error().message);
    for (const Parameter& parameter : parameters_of(layer.spec, given)) {
      const std::string name = layer.name + "." + parameter.name;
      if (!names.insert(name).second) {
        return bad(layer, fmt::format("another layer has a parameter {} too", name));
      }
      const std::size_t size = elements(parameter.shape);
      if (size > kParametersMax - parameters) {
        return fail(fmt::format("model '{}': more than {} parameters", spec.text, kParametersMax));
      }
      parameters += size;
    }
    spec.shapes.push_back(*std::move(shape));
  }
  for (std::size_t i = 0; i + 1 < spec.layers.size(); ++i) {
    if (!taken[i + 1]) return bad(spec.layers[i], "no layer takes what it gives");
  }
  return spec;
}

Result<ModelSpec> parse_model(std::string_view text) {
  constexpr std::string_view kMlp = "mlp:";
  constexpr std::string_view kQuadratic = "quadratic:";
  constexpr std::string_view kLeastSquares = "least-squares:";
  if (text == "linear") {
    return make_network("linear", {1}, in_sequence({LinearSpec{1}, LinearSpec{1}}));
  }
  if (auto named = preset(text)) return *std::move(named);
  if (text == "gpt" || text.starts_with("gpt:")) return parse_gpt(text);
  if (text.starts_with("speech:")) return parse_speech(text);
  if (text.ends_with(".toml")) return read_model(text);
  if (text.starts_with(kMlp)) return parse_mlp(text, text.substr(kMlp.size()));
  for (const auto& [prefix, kind] : {std::pair(kQuadratic, ModelKind::kQuadratic),
                                     std::pair(kLeastSquares, ModelKind::kLeastSquares)}) {
    if (!text.starts_with(prefix)) continue;
    const auto width = parse_width(text, text.substr(prefix.size()), kClosedFormMax);
    if (!width) return tl::make_unexpected(width.error());
    return ModelSpec{kind, fmt::format("{}{}", prefix, *width), *width, {}, {}};
  }
  return fail(fmt::format(
      "model '{}' is none of mlp:IN-...-OUT, linear, lenet, cnn, resnet20, speech, gpt:..., "
      "FILE.toml, quadratic:D, least-squares:D",
      text));
}

std::string to_string(const ModelSpec& spec) { return spec.text; }

std::size_t ModelSpec::vocabulary() const {
  std::size_t least = 0;
  for (const Layer& layer : layers) {
    const auto* const embedding = std::get_if<EmbeddingSpec>(&layer.spec);
    if (embedding == nullptr) continue;
    least = least == 0 ? embedding->vocabulary : std::min(least, embedding->vocabulary);
  }
  return least;
}

std::vector<Parameter> parameters_of(const ModelSpec& spec) {
  std::vector<Parameter> all;
  for (const Layer& layer : spec.layers) {
    for (Parameter parameter : parameters_of(layer.spec, spec.shapes[layer.from])) {
      parameter.name = layer.name + "." + parameter.name;
      all.push_back(std::move(parameter));
    }
  }
  return all;
}

Schema make_schema(const ModelSpec& spec, std::size_t shard_parameters) {
  if (spec.closed_form()) {
    return {spec.text, {{"x", {spec.dimension}, 0, spec.dimension}}, shard_parameters};
  }
  std::vector<Parameter> parameters = parameters_of(spec);
  std::vector<Tensor> tensors;
  std::size_t offset = 0;
  for (Parameter& parameter : parameters) {
    const std::size_t size = elements(parameter.shape);
    tensors.push_back({std::move(parameter.name), std::move(parameter.shape), offset, size});
    offset += size;
  }
  return {spec.text, std::move(tensors), shard_parameters};
}

}  // namespace murmur::core
