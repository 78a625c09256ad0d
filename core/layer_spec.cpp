#include "core/layer_spec.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace murmur::core {
namespace {

constexpr std::size_t kWidthMax = 65536;
/// Of one sample: more are no activations that a machine of these days would hold in a batch.
constexpr std::size_t kElementsMax = std::size_t{1} << 26;

/// As PyTorch draws what sums over `inputs` numbers.
Initial by_inputs(std::size_t inputs) {
  return {Initial::Rule::kUniform, 1 / std::sqrt(static_cast<double>(inputs))};
}

Result<void> check_count(const char* what, std::size_t count) {
  if (count >= 1 && count <= kWidthMax) return {};
  return fail(fmt::format("{} {} are not in 1..{}", count, what, kWidthMax));
}

Result<void> check_image(const Shape& input) {
  if (input.size() == 3) return {};
  return fail(
      fmt::format("it takes an image (channels x rows x columns), not {}", to_string(input)));
}

/// Windows of `kernel` in an image that has `padding` around it.
Result<Shape> windows(const Shape& input, std::size_t channels, std::size_t kernel,
                      std::size_t stride, std::size_t padding) {
  if (auto ok = check_image(input); !ok) return tl::make_unexpected(ok.error());
  if (kernel < 1 || kernel > kWidthMax || stride < 1 || stride > kWidthMax) {
    return fail(fmt::format("a kernel of {} and a stride of {} are not in 1..{}", kernel, stride,
                            kWidthMax));
  }
  if (padding >= kernel) {
    return fail(fmt::format("padding {} is not below the kernel's {}", padding, kernel));
  }
  const std::size_t rows = input[1] + 2 * padding;
  const std::size_t columns = input[2] + 2 * padding;
  if (kernel > rows || kernel > columns) {
    return fail(
        fmt::format("a kernel of {} is larger than its image of {} x {}", kernel, rows, columns));
  }
  return Shape{channels, (rows - kernel) / stride + 1, (columns - kernel) / stride + 1};
}

Result<Shape> shape_of(const LinearSpec& layer, const Shape& input) {
  if (auto ok = check_count("outputs", layer.outputs); !ok) return tl::make_unexpected(ok.error());
  if (input.size() > 2) {
    return fail(fmt::format("it takes numbers in a row, not {}", to_string(input)));
  }
  Shape shape = input;
  shape.back() = layer.outputs;
  return shape;
}
Result<Shape> shape_of(const EmbeddingSpec& layer, const Shape& input) {
  if (auto ok = check_count("tokens of a vocabulary", layer.vocabulary); !ok) {
    return tl::make_unexpected(ok.error());
  }
  if (auto ok = check_count("numbers of a vector", layer.width); !ok) {
    return tl::make_unexpected(ok.error());
  }
  if (input.size() != 1) return fail(fmt::format("it takes tokens, not {}", to_string(input)));
  return Shape{input.front(), layer.width};
}
Result<Shape> shape_of(const AttentionSpec& layer, const Shape& input) {
  if (input.size() != 2 || input[1] % 3 != 0) {
    return fail(
        fmt::format("it takes positions x (queries, keys and values), not {}", to_string(input)));
  }
  const std::size_t width = input[1] / 3;
  if (layer.heads < 1 || width % layer.heads != 0) {
    return fail(fmt::format("{} heads do not divide a width of {}", layer.heads, width));
  }
  return Shape{input[0], width};
}
Result<Shape> shape_of(const Conv2dSpec& layer, const Shape& input) {
  if (auto ok = check_count("outputs", layer.outputs); !ok) return tl::make_unexpected(ok.error());
  return windows(input, layer.outputs, layer.kernel, layer.stride, layer.padding);
}
Result<Shape> shape_of(const MaxPool2dSpec& layer, const Shape& input) {
  return windows(input, input.front(), layer.kernel, layer.stride, 0);
}
Result<Shape> shape_of(const AvgPool2dSpec& layer, const Shape& input) {
  return windows(input, input.front(), layer.kernel, layer.stride, 0);
}
Result<Shape> shape_of(const GlobalAvgPoolSpec&, const Shape& input) {
  if (auto ok = check_image(input); !ok) return tl::make_unexpected(ok.error());
  return Shape{input.front()};
}
Result<Shape> shape_of(const FlattenSpec&, const Shape& input) { return Shape{elements(input)}; }
Result<Shape> shape_of(const DropoutSpec& layer, const Shape& input) {
  if (layer.rate >= 0 && layer.rate < 1) return input;
  return fail(fmt::format("a rate of {} is not in [0, 1)", layer.rate));
}
Result<Shape> shape_of(const GroupNormSpec& layer, const Shape& input) {
  if (auto ok = check_image(input); !ok) return tl::make_unexpected(ok.error());
  if (layer.groups < 1 || input.front() % layer.groups != 0) {
    return fail(fmt::format("{} groups do not divide {} channels", layer.groups, input.front()));
  }
  return input;
}
template <class Any>
Result<Shape> shape_of(const Any&, const Shape& input) {
  return input;
}

using Parameters = std::vector<Parameter>;

Parameters weight_and_bias(Shape weight, std::size_t inputs, bool bias) {
  const std::size_t outputs = weight.front();
  Parameters all{{"weight", std::move(weight), by_inputs(inputs)}};
  if (bias) all.push_back({"bias", {outputs}, by_inputs(inputs)});
  return all;
}

Parameters scale_and_shift(std::size_t width) {
  return {{"weight", {width}, {Initial::Rule::kConstant, 1}},
          {"bias", {width}, {Initial::Rule::kConstant, 0}}};
}

Parameters of(const LinearSpec& layer, const Shape& input) {
  return weight_and_bias({layer.outputs, input.back()}, input.back(), layer.bias);
}
Parameters of(const Conv2dSpec& layer, const Shape& input) {
  const std::size_t inputs = input.front() * layer.kernel * layer.kernel;
  return weight_and_bias({layer.outputs, input.front(), layer.kernel, layer.kernel}, inputs,
                         layer.bias);
}
Parameters of(const LayerNormSpec&, const Shape& input) { return scale_and_shift(input.back()); }
Parameters of(const GroupNormSpec&, const Shape& input) { return scale_and_shift(input.front()); }
Parameters of(const EmbeddingSpec& layer, const Shape& input) {
  const Initial initial{Initial::Rule::kNormal, 0.02};  // as GPT-2's are drawn
  return {{"token.weight", {layer.vocabulary, layer.width}, initial},
          {"position.weight", {input.front(), layer.width}, initial}};
}
template <class Any>
Parameters of(const Any&, const Shape&) {
  return {};
}

}  // namespace

std::size_t elements(const Shape& shape) {
  constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1},
                         [](std::size_t product, std::size_t size) {
                           return size == 0 || product <= kMost / size ? product * size : kMost;
                         });
}

std::string to_string(const Shape& shape) { return fmt::format("{}", fmt::join(shape, " x ")); }

std::string_view type_of(const LayerSpec& layer) {
  // In the order of the variant's alternatives.
  constexpr std::array<std::string_view, std::variant_size_v<LayerSpec>> kNames{
      "linear", "conv2d",  "max-pool2d", "avg-pool2d", "global-avg-pool", "flatten",   "relu",
      "gelu",   "dropout", "layer-norm", "group-norm", "embedding",       "attention", "add"};
  return kNames[layer.index()];
}

Result<Shape> output_shape(const LayerSpec& layer, const Shape& input) {
  auto shape = std::visit([&](const auto& spec) { return shape_of(spec, input); }, layer);
  if (shape && elements(*shape) > kElementsMax) {
    return fail(
        fmt::format("{} numbers a sample are more than {}", to_string(*shape), kElementsMax));
  }
  return shape;
}

std::vector<Parameter> parameters_of(const LayerSpec& layer, const Shape& input) {
  return std::visit([&](const auto& spec) { return of(spec, input); }, layer);
}

}  // namespace murmur::core
