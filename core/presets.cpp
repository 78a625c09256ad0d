#include "core/presets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/check.hpp"
#include "core/log_mel.hpp"
#include "core/text.hpp"

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

constexpr std::size_t kWords = 10;

/// Three convolutions over time and pitch, as small keyword spotters have them.
ModelSpec speech(std::size_t words) {
  const std::string name = words == kWords ? "speech" : fmt::format("speech:{}", words);
  return made(name, {1, kMelFrames, kMelBands},
              in_sequence({Conv2dSpec{16, 3, 1, 1}, ReluSpec{}, MaxPool2dSpec{2, 2},
                           Conv2dSpec{32, 3, 1, 1}, ReluSpec{}, MaxPool2dSpec{2, 2},
                           Conv2dSpec{64, 3, 1, 1}, ReluSpec{}, MaxPool2dSpec{2, 2}, FlattenSpec{},
                           DropoutSpec{0.3}, LinearSpec{128}, ReluSpec{}, LinearSpec{words}}));
}

struct GptSize {
  std::size_t layers = 4;
  std::size_t heads = 4;
  std::size_t width = 128;
  std::size_t context = 128;
};

Result<GptSize> parse_gpt_size(std::string_view model, std::string_view rest) {
  constexpr std::size_t kMax = 16384;
  GptSize size;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    const auto equals = std::min(item.find('='), item.size());
    const std::string_view key = item.substr(0, equals);
    const std::string_view text = item.substr(std::min(item.size(), equals + 1));
    std::size_t* const value = key == "layers"    ? &size.layers
                               : key == "heads"   ? &size.heads
                               : key == "width"   ? &size.width
                               : key == "context" ? &size.context
                                                  : nullptr;
    if (value == nullptr) {
      return fail(
          fmt::format("model '{}': '{}' is none of layers, heads, width, context", model, key));
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
    if (error != std::errc() || end != text.data() + text.size() || *value < 1 || *value > kMax) {
      return fail(fmt::format("model '{}': {} '{}' is not in 1..{}", model, key, text, kMax));
    }
  }
  return size;
}

}  // namespace

Result<ModelSpec> parse_gpt(std::string_view text) {
  const auto colon = std::min(text.find(':'), text.size());
  const auto size = parse_gpt_size(text, text.substr(std::min(text.size(), colon + 1)));
  if (!size) return tl::make_unexpected(size.error());
  const std::size_t width = size->width;
  std::vector<Layer> layers;
  const auto add = [&layers](std::string name, LayerSpec spec) -> Point {
    layers.push_back({spec, std::move(name), layers.size()});
    return layers.size();
  };
  Point at = add("embed", EmbeddingSpec{kTextTokens, width});
  for (std::size_t i = 0; i < size->layers; ++i) {
    const std::string name = fmt::format("h.{}", i);
    add(name + ".norm1", LayerNormSpec{});
    add(name + ".qkv", LinearSpec{3 * width});
    add(name + ".attention", AttentionSpec{size->heads});
    add(name + ".proj", LinearSpec{width});
    at = add(name + ".add1", AddSpec{at});
    add(name + ".norm2", LayerNormSpec{});
    add(name + ".up", LinearSpec{4 * width});
    add(name + ".gelu", GeluSpec{});
    add(name + ".down", LinearSpec{width});
    at = add(name + ".add2", AddSpec{at});
  }
  add("norm", LayerNormSpec{});
  add("head", LinearSpec{kTextTokens, false});
  return make_network(fmt::format("gpt:layers={},heads={},width={},context={}", size->layers,
                                  size->heads, width, size->context),
                      {size->context}, std::move(layers));
}

Result<ModelSpec> parse_speech(std::string_view text) {
  constexpr std::size_t kMax = 65536;
  const std::string_view count = text.substr(text.find(':') + 1);
  std::size_t words = 0;
  const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), words);
  if (error != std::errc() || end != count.data() + count.size() || words < 2 || words > kMax) {
    return fail(fmt::format("model '{}': '{}' words are not in 2..{}", text, count, kMax));
  }
  return speech(words);
}

std::optional<ModelSpec> preset(std::string_view name) {
  if (name == "lenet") return lenet();
  if (name == "cnn") return cnn();
  if (name == "resnet20") return resnet20();
  if (name == "speech") return speech(kWords);
  return std::nullopt;
}

}  // namespace murmur::core
