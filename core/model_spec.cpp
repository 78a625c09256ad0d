#include "core/model_spec.hpp"

#include <fmt/format.h>

#include <charconv>

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
  ModelSpec spec{ModelKind::kMlp, {}};
  for (bool more = true; more;) {
    const auto dash = widths.find('-');
    const auto width = parse_width(model, widths.substr(0, dash), kWidthMax);
    if (!width) return tl::make_unexpected(width.error());
    spec.widths.push_back(*width);
    more = dash != std::string_view::npos;
    if (more) widths = widths.substr(dash + 1);
  }
  if (spec.widths.size() < 2) {
    return fail(
        fmt::format("model '{}': {} width, 2 or more make a network", model, spec.widths.size()));
  }
  std::size_t parameters = 0;
  for (std::size_t i = 0; i + 1 < spec.widths.size(); ++i) {
    parameters += (spec.widths[i] + 1) * spec.widths[i + 1];
    if (parameters > kParametersMax) {
      return fail(fmt::format("model '{}': more than {} parameters", model, kParametersMax));
    }
  }
  return spec;
}

}  // namespace

Result<ModelSpec> parse_model(std::string_view text) {
  constexpr std::string_view kMlp = "mlp:";
  constexpr std::string_view kQuadratic = "quadratic:";
  constexpr std::string_view kLeastSquares = "least-squares:";
  if (text == "linear") return ModelSpec{ModelKind::kLinear, {1, 1, 1}};
  if (text.starts_with(kMlp)) return parse_mlp(text, text.substr(kMlp.size()));
  for (const auto& [prefix, kind] : {std::pair(kQuadratic, ModelKind::kQuadratic),
                                     std::pair(kLeastSquares, ModelKind::kLeastSquares)}) {
    if (!text.starts_with(prefix)) continue;
    const auto width = parse_width(text, text.substr(prefix.size()), kClosedFormMax);
    if (!width) return tl::make_unexpected(width.error());
    return ModelSpec{kind, {*width}};
  }
  return fail(fmt::format(
      "model '{}' is none of mlp:IN-...-OUT, linear, quadratic:D, least-squares:D", text));
}

std::string to_string(const ModelSpec& spec) {
  switch (spec.kind) {
    case ModelKind::kMlp:
      return fmt::format("mlp:{}", fmt::join(spec.widths, "-"));
    case ModelKind::kLinear:
      return "linear";
    case ModelKind::kQuadratic:
      return fmt::format("quadratic:{}", spec.widths[0]);
    case ModelKind::kLeastSquares:
      return fmt::format("least-squares:{}", spec.widths[0]);
  }
  return "?";
}

Schema make_schema(const ModelSpec& spec, std::size_t shard_parameters) {
  std::vector<Tensor> tensors;
  std::size_t offset = 0;
  const auto add = [&](std::string name, std::vector<std::size_t> shape) {
    std::size_t size = 1;
    for (const std::size_t n : shape) size *= n;
    tensors.push_back({std::move(name), std::move(shape), offset, size});
    offset += size;
  };
  if (spec.closed_form()) {
    add("x", {spec.widths[0]});
  } else {
    // A ReLU between layers takes a place in nn.Sequential's numbering.
    const std::size_t stride = spec.relu() ? 2 : 1;
    for (std::size_t i = 0; i + 1 < spec.widths.size(); ++i) {
      add(fmt::format("{}.weight", i * stride), {spec.widths[i + 1], spec.widths[i]});
      add(fmt::format("{}.bias", i * stride), {spec.widths[i + 1]});
    }
  }
  return {to_string(spec), std::move(tensors), shard_parameters};
}

}  // namespace murmur::core
