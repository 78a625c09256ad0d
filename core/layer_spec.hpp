// The layers that a model is made of: what each is told, the parameters it has, and what it makes
// of the shape it is given. A closed set: gpu/shared/layers has a file for each.
//
// Thread rule: values and pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.hpp"

namespace murmur::core {

/// Of one sample, row-major: {784}, {3, 32, 32} (channels, rows, columns).
using Shape = std::vector<std::size_t>;
/// The greatest number of 64 bits where they are more.
std::size_t elements(const Shape& shape);
/// "3 x 32 x 32"
std::string to_string(const Shape& shape);

/// A weight [outputs, inputs] and a bias; of {positions, inputs}, at each position alike.
struct LinearSpec {
  std::size_t outputs = 0;
  bool bias = true;
};
/// Square windows of `kernel`, `padding` zeros around the image.
struct Conv2dSpec {
  std::size_t outputs = 0;
  std::size_t kernel = 0;
  std::size_t stride = 1;
  std::size_t padding = 0;
  bool bias = true;
};
struct MaxPool2dSpec {
  std::size_t kernel = 0;
  std::size_t stride = 0;
};
struct AvgPool2dSpec {
  std::size_t kernel = 0;
  std::size_t stride = 0;
};
/// The mean of each channel.
struct GlobalAvgPoolSpec {};
struct FlattenSpec {};
struct ReluSpec {};
/// x times the normal distribution's share below x.
struct GeluSpec {};
/// In training each number is zero with this probability, and scaled up otherwise.
struct DropoutSpec {
  double rate = 0;
};
/// Over the numbers of the last dimension, then times a weight and plus a bias of each.
struct LayerNormSpec {};
/// Over the channels of each group and all pixels, then times a weight and plus a bias a channel.
struct GroupNormSpec {
  std::size_t groups = 0;
};
/// Of {positions}, tokens: a vector of `width` for each, plus one for its position, learned both.
struct EmbeddingSpec {
  std::size_t vocabulary = 0;
  std::size_t width = 0;
};
/// Of {positions, 3 x width} - queries, keys, values - {positions, width}: what each position finds
/// at itself and those before it, by `heads` heads.
struct AttentionSpec {
  std::size_t heads = 0;
};
/// Adds what an earlier point of the model gave (core::Point), of the same shape: a residual.
struct AddSpec {
  std::size_t with = 0;
};

using LayerSpec = std::variant<LinearSpec, Conv2dSpec, MaxPool2dSpec, AvgPool2dSpec,
                               GlobalAvgPoolSpec, FlattenSpec, ReluSpec, GeluSpec, DropoutSpec,
                               LayerNormSpec, GroupNormSpec, EmbeddingSpec, AttentionSpec, AddSpec>;

/// As a model's text names it: "linear".
std::string_view type_of(const LayerSpec& layer);

/// How a tensor's first values are drawn.
struct Initial {
  enum class Rule {
    kUniform,   ///< in [-value, value)
    kNormal,    ///< with the standard deviation value
    kConstant,  ///< value
  };
  Rule rule = Rule::kUniform;
  double value = 0;
};

struct Parameter {
  std::string name;  ///< within its layer, as PyTorch's module of that type calls it: "weight"
  Shape shape;
  Initial initial;
};

/// What the layer gives for an input of that shape. Error: it cannot take such an input.
Result<Shape> output_shape(const LayerSpec& layer, const Shape& input);
/// In the order of PyTorch's module. `input` is one that output_shape() takes.
std::vector<Parameter> parameters_of(const LayerSpec& layer, const Shape& input);

}  // namespace murmur::core
