#include "core/presets.hpp"

#include <fmt/format.h>

#include "core/check.hpp"

namespace murmur::core {
namespace {

ModelSpec made(std::string_view name, Shape input, std::vector<Layer> layers) {
  auto spec = make_network(std::string(name), std::move(input), std::move(layers));
  CHECK_INVARIANT(spec.has_value());
  return *std::move(spec);
}

/// LeNet-5 (LeCun and others 1998) as it is mostly built today: ReLU and max pooling.
ModelSpec lenet() {
  return made(
      "lenet", {1, 28, 28},
      in_sequence({Conv2dSpec{6, 5, 1, 2}, ReluSpec{}, MaxPool2dSpec{2, 2}, Conv2dSpec{16, 5},
                   ReluSpec{}, MaxPool2dSpec{2, 2}, FlattenSpec{}, LinearSpec{120}, ReluSpec{},
                   LinearSpec{84}, ReluSpec{}, LinearSpec{10}}));
}

ModelSpec cnn() {
  return made("cnn", {3, 32, 32},
              in_sequence({Conv2dSpec{32, 3, 1, 1}, ReluSpec{}, MaxPool2dSpec{2, 2},
                           Conv2dSpec{64, 3, 1, 1}, ReluSpec{}, MaxPool2dSpec{2, 2}, FlattenSpec{},
                           LinearSpec{128}, ReluSpec{}, LinearSpec{10}}));
}

/// The residual network of 20 layers for 32 x 32 images (He and others, arXiv 1512.03385, section
/// 4.2), with GroupNorm, as running statistics do not average, and a convolution where the way
/// round changes its shape.
ModelSpec resnet20() {
  constexpr std::size_t kGroups = 8;
  std::vector<Layer> layers;
  const auto add = [&layers](std::string name, LayerSpec spec, Point from) -> Point {
    layers.push_back({spec, std::move(name), from});
    return layers.size();
  };
  // The names and their order are those of torchvision's ResNet, but for `norm`.
  Point at = add("conv1", Conv2dSpec{16, 3, 1, 1, false}, 0);
  at = add("norm1", GroupNormSpec{kGroups}, at);
  at = add("relu", ReluSpec{}, at);
  std::size_t width = 16;
  for (std::size_t stage = 1; stage <= 3; ++stage) {
    for (std::size_t block = 0; block < 3; ++block) {
      const std::string name = fmt::format("layer{}.{}", stage, block);
      const bool shrinks = stage > 1 && block == 0;
      const std::size_t stride = shrinks ? 2 : 1;
      if (shrinks) width *= 2;
      const Point in = at;
      at = add(name + ".conv1", Conv2dSpec{width, 3, stride, 1, false}, in);
      at = add(name + ".norm1", GroupNormSpec{kGroups}, at);
      at = add(name + ".relu1", ReluSpec{}, at);
      at = add(name + ".conv2", Conv2dSpec{width, 3, 1, 1, false}, at);
      const Point main = add(name + ".norm2", GroupNormSpec{kGroups}, at);
      Point round = in;
      if (shrinks) {
        round = add(name + ".downsample.0", Conv2dSpec{width, 1, stride, 0, false}, in);
        round = add(name + ".downsample.1", GroupNormSpec{kGroups}, round);
      }
      at = add(name + ".add", AddSpec{round}, main);
      at = add(name + ".relu2", ReluSpec{}, at);
    }
  }
  at = add("pool", GlobalAvgPoolSpec{}, at);
  add("fc", LinearSpec{10}, at);
  return made("resnet20", {3, 32, 32}, std::move(layers));
}

}  // namespace

std::optional<ModelSpec> preset(std::string_view name) {
  if (name == "lenet") return lenet();
  if (name == "cnn") return cnn();
  if (name == "resnet20") return resnet20();
  return std::nullopt;
}

}  // namespace murmur::core
