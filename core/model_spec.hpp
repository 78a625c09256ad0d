// Which model: "mlp:64-128-10" (ReLU between the layers, none after the last), "linear" (two
// 1 -> 1 linear layers), and the closed forms "quadratic:D" and "least-squares:D".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/schema.hpp"

namespace murmur::core {

enum class ModelKind { kMlp, kLinear, kQuadratic, kLeastSquares };

struct ModelSpec {
  ModelKind kind = ModelKind::kMlp;
  /// Layer widths, input first, for the networks; {D} for the closed forms.
  std::vector<std::size_t> widths;

  /// True between layers of kMlp.
  [[nodiscard]] bool relu() const { return kind == ModelKind::kMlp; }
  [[nodiscard]] bool closed_form() const {
    return kind == ModelKind::kQuadratic || kind == ModelKind::kLeastSquares;
  }
};

/// Error: an unknown kind, fewer than two layers, a width of 0 or past 65536 (of a closed form:
/// past 2^28), or more than 2^28 parameters.
Result<ModelSpec> parse_model(std::string_view text);
std::string to_string(const ModelSpec& spec);

/// Tensors named and shaped as in PyTorch's nn.Sequential(Linear, ReLU, Linear, ...): for an mlp
/// "0.weight" [out, in], "0.bias" [out], "2.weight", ...; for `linear` "0.weight", "0.bias",
/// "1.weight", "1.bias"; for the closed forms one tensor "x" [D].
Schema make_schema(const ModelSpec& spec, std::size_t shard_parameters = kShardParameters);

}  // namespace murmur::core
