// Which model: a network, which is a list of layers, or one of the closed forms "quadratic:D" and
// "least-squares:D".
//
// Thread rule: values and pure functions.
// Invariant: a network's layers fit each other (make_network() saw to it).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/layer_spec.hpp"
#include "core/result.hpp"
#include "core/schema.hpp"

namespace murmur::core {

/// The values between layers are numbered: 0 is the model's input, i + 1 what layer i gives.
using Point = std::size_t;

struct Layer {
  LayerSpec spec;
  std::string name;  ///< what its parameters' names begin with, as in the PyTorch module
  Point from = 0;
};

enum class ModelKind { kNetwork, kQuadratic, kLeastSquares };

struct ModelSpec {
  ModelKind kind = ModelKind::kNetwork;
  std::string text;           ///< "mlp:64-128-10"
  std::size_t dimension = 0;  ///< of a closed form
  std::vector<Layer> layers;  ///< of a network; the last one gives the model's output
  std::vector<Shape> shapes;  ///< of a network: of each Point

  [[nodiscard]] bool closed_form() const { return kind != ModelKind::kNetwork; }
  /// Of one sample, of a network.
  [[nodiscard]] std::size_t inputs() const { return elements(shapes.front()); }
  [[nodiscard]] std::size_t outputs() const { return elements(shapes.back()); }
  /// Its input are tokens, of so many kinds; 0: numbers.
  [[nodiscard]] std::size_t vocabulary() const;
};

/// Error: `layers` is empty, one does not fit what it is given or gives what none takes (the line
/// names it), or more than 2^28 parameters.
Result<ModelSpec> make_network(std::string text, Shape input, std::vector<Layer> layers);
/// Each layer after the one before it, named by its place, as in PyTorch's nn.Sequential.
std::vector<Layer> in_sequence(const std::vector<LayerSpec>& layers);

/// "mlp:IN-...-OUT" (ReLU between the layers, none after the last), "linear" (two 1 -> 1 linear
/// layers), a preset (core/presets.hpp), "FILE.toml", and the closed forms. Error: an unknown kind,
/// fewer than two widths, a width of 0 or past 65536 (of a closed form: past 2^28), or what
/// make_network() refuses.
Result<ModelSpec> parse_model(std::string_view text);
std::string to_string(const ModelSpec& spec);

/// The parameters of a network with their full names ("0.weight"), in the order of its layers.
std::vector<Parameter> parameters_of(const ModelSpec& spec);

/// A network's parameters; of a closed form, one tensor "x" [D].
Schema make_schema(const ModelSpec& spec, std::size_t shard_parameters = kShardParameters);

}  // namespace murmur::core
