#include "core/layer_spec.hpp"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <numeric>

namespace murmur::core {
namespace {

constexpr std::size_t kWidthMax = 65536;

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

/// As PyTorch draws what sums over `inputs` numbers.
Initial by_inputs(std::size_t inputs) {
  return {Initial::Rule::kUniform, 1 / std::sqrt(static_cast<double>(inputs))};
}

Result<Shape> shape_of(const LinearSpec& layer, const Shape& input) {
  if (layer.outputs < 1 || layer.outputs > kWidthMax) {
    return fail(fmt::format("{} outputs are not in 1..{}", layer.outputs, kWidthMax));
  }
  if (input.size() != 1) {
    return fail(fmt::format("it takes numbers in a row, not {}", to_string(input)));
  }
  return Shape{layer.outputs};
}

}  // namespace

std::size_t elements(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
}

std::string to_string(const Shape& shape) { return fmt::format("{}", fmt::join(shape, " x ")); }

std::string_view type_of(const LayerSpec& layer) {
  return std::visit(
      Overloaded{[](const LinearSpec&) { return "linear"; }, [](const ReluSpec&) { return "relu"; },
                 [](const AddSpec&) { return "add"; }},
      layer);
}

Result<Shape> output_shape(const LayerSpec& layer, const Shape& input) {
  return std::visit(Overloaded{[&](const LinearSpec& l) { return shape_of(l, input); },
                               [&](const auto&) -> Result<Shape> { return input; }},
                    layer);
}

std::vector<Parameter> parameters_of(const LayerSpec& layer, const Shape& input) {
  using Parameters = std::vector<Parameter>;
  return std::visit(Overloaded{[&](const LinearSpec& l) {
                                 const Initial initial = by_inputs(input.back());
                                 return Parameters{{"weight", {l.outputs, input.back()}, initial},
                                                   {"bias", {l.outputs}, initial}};
                               },
                               [](const auto&) { return Parameters{}; }},
                    layer);
}

}  // namespace murmur::core
