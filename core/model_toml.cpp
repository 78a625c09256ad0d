#include "core/model_toml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/toml.hpp"

namespace murmur::core {
namespace {

/// A name that is one in a file of tensors, on a terminal and in to_toml() as it stands.
bool plain(std::string_view name) {
  return std::none_of(name.begin(), name.end(), [](char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
}

/// One table's keys: taken by name, and what nobody took is a mistake.
class Keys {
 public:
  explicit Keys(const toml::table& table) : table_(table) {}

  Result<std::string> text(std::string_view key, std::string otherwise) {
    const toml::node* const node = take(key);
    if (node == nullptr) return otherwise;
    if (const auto* value = node->as_string()) return value->get();
    return fail(fmt::format("{} is no text", key));
  }
  Result<std::size_t> whole(std::string_view key, std::optional<std::size_t> otherwise) {
    const toml::node* const node = take(key);
    if (node == nullptr) {
      if (otherwise) return *otherwise;
      return fail(fmt::format("{} is missing", key));
    }
    const auto* const value = node->as_integer();
    if (value != nullptr && value->get() >= 0) return static_cast<std::size_t>(value->get());
    return fail(fmt::format("{} is no whole number from 0 on", key));
  }
  Result<double> number(std::string_view key) {
    const toml::node* const node = take(key);
    if (node == nullptr) return fail(fmt::format("{} is missing", key));
    const auto value = node->value<double>();
    if (value && std::isfinite(*value)) return *value;
    return fail(fmt::format("{} is no number", key));
  }
  Result<bool> flag(std::string_view key, bool otherwise) {
    const toml::node* const node = take(key);
    if (node == nullptr) return otherwise;
    if (const auto* value = node->as_boolean()) return value->get();
    return fail(fmt::format("{} is neither true nor false", key));
  }
  [[nodiscard]] Result<void> nothing_left() const {
    for (auto&& [key, node] : table_) {
      const bool taken = std::find(taken_.begin(), taken_.end(), key.str()) != taken_.end();
      if (!taken) return fail(fmt::format("{} is no key of it", key.str()));
    }
    return {};
  }

 private:
  const toml::node* take(std::string_view key) {
    taken_.emplace_back(key);
    return table_.get(key);
  }

  const toml::table& table_;
  std::vector<std::string> taken_;
};

/// Reads into `value` unless something was wrong before; keeps the first mistake.
class Reader {
 public:
  template <class T>
  void into(T& value, Result<T> read) {
    if (!read) {
      if (!error_) error_ = std::move(read.error());
    } else {
      value = *std::move(read);
    }
  }
  template <class T>
  Result<LayerSpec> done(T spec) {
    if (error_) return tl::make_unexpected(*error_);
    return LayerSpec{spec};
  }

 private:
  std::optional<Error> error_;
};

/// "with" is a Point that the caller looked up.
Result<LayerSpec> read_spec(const std::string& type, Keys& keys, Point with) {
  Reader reader;
  if (type == "linear") {
    LinearSpec spec;
    reader.into(spec.outputs, keys.whole("outputs", {}));
    reader.into(spec.bias, keys.flag("bias", true));
    return reader.done(spec);
  }
  if (type == "conv2d") {
    Conv2dSpec spec;
    reader.into(spec.outputs, keys.whole("outputs", {}));
    reader.into(spec.kernel, keys.whole("kernel", {}));
    reader.into(spec.stride, keys.whole("stride", 1));
    reader.into(spec.padding, keys.whole("padding", 0));
    reader.into(spec.bias, keys.flag("bias", true));
    return reader.done(spec);
  }
  if (type == "max-pool2d" || type == "avg-pool2d") {
    std::size_t kernel = 0;
    std::size_t stride = 0;
    reader.into(kernel, keys.whole("kernel", {}));
    reader.into(stride, keys.whole("stride", kernel));
    if (type == "max-pool2d") return reader.done(MaxPool2dSpec{kernel, stride});
    return reader.done(AvgPool2dSpec{kernel, stride});
  }
  if (type == "dropout") {
    DropoutSpec spec;
    reader.into(spec.rate, keys.number("rate"));
    return reader.done(spec);
  }
  if (type == "group-norm") {
    GroupNormSpec spec;
    reader.into(spec.groups, keys.whole("groups", {}));
    return reader.done(spec);
  }
  if (type == "embedding") {
    EmbeddingSpec spec;
    reader.into(spec.vocabulary, keys.whole("vocabulary", {}));
    reader.into(spec.width, keys.whole("width", {}));
    return reader.done(spec);
  }
  if (type == "attention") {
    AttentionSpec spec;
    reader.into(spec.heads, keys.whole("heads", {}));
    return reader.done(spec);
  }
  if (type == "add") return reader.done(AddSpec{with});
  for (const LayerSpec& plain :
       {LayerSpec{GlobalAvgPoolSpec{}}, LayerSpec{FlattenSpec{}}, LayerSpec{ReluSpec{}},
        LayerSpec{GeluSpec{}}, LayerSpec{LayerNormSpec{}}}) {
    if (type == type_of(plain)) return plain;
  }
  return fail(type.empty() ? "type is missing" : fmt::format("'{}' is no type of layer", type));
}

Result<Shape> read_input(const toml::table& table) {
  const toml::array* const sizes = table["input"].as_array();
  if (sizes == nullptr || sizes->empty() || sizes->size() > 4) {
    return fail("input is not the shape of a sample, as in [3, 32, 32]");
  }
  Shape shape;
  for (const toml::node& node : *sizes) {
    // As an integer alone: of 2e28 the library's conversion is undefined.
    const auto* const size = node.as_integer();
    if (size == nullptr || size->get() < 1 || size->get() > 65536) {
      return fail("input: a size is not in 1..65536");
    }
    shape.push_back(static_cast<std::size_t>(size->get()));
  }
  if (elements(shape) > (std::size_t{1} << 26)) return fail("input: more than 2^26 numbers");
  return shape;
}

constexpr const char* kInput = "input";

class ModelReader {
 public:
  Result<std::vector<Layer>> read(const toml::table& table) {
    const toml::array* const tables = table["layer"].as_array();
    if (tables == nullptr || !tables->is_array_of_tables()) return fail("no [[layer]]");
    for (const toml::node& node : *tables) {
      if (auto ok = read_layer(*node.as_table()); !ok) return tl::make_unexpected(ok.error());
    }
    return std::move(layers_);
  }

 private:
  Result<void> read_layer(const toml::table& table) {
    const std::size_t place = layers_.size();
    Keys keys(table);
    const auto name = keys.text("name", std::to_string(place));
    const auto who = [&](const std::string& what) {
      return fail(fmt::format("layer {}: {}", name ? *name : std::to_string(place), what));
    };
    if (!name) return who(name.error().message);
    if (!plain(*name)) {
      return fail(
          fmt::format("layer {}: its name has a quote, a backslash or a control character", place));
    }
    if (name->empty() || points_.contains(*name)) return who("the name is another's, or none");
    const auto type = keys.text("type", "");
    if (!type) return who(type.error().message);
    Layer layer{{}, *name, place};
    Point with = 0;
    if (auto ok = find_point(keys, "from", layer.from, place); !ok) return who(ok.error().message);
    if (*type == "add") {
      if (auto ok = find_point(keys, "with", with, {}); !ok) return who(ok.error().message);
    }
    auto spec = read_spec(*type, keys, with);
    if (!spec) return who(spec.error().message);
    if (auto ok = keys.nothing_left(); !ok) return who(ok.error().message);
    layer.spec = *spec;
    layers_.push_back(std::move(layer));
    points_[*name] = layers_.size();
    return {};
  }

  Result<void> find_point(Keys& keys, const char* key, Point& point,
                          std::optional<Point> otherwise) {
    const auto name = keys.text(key, "");
    if (!name) return tl::make_unexpected(name.error());
    if (name->empty() && otherwise) {
      point = *otherwise;
      return {};
    }
    const auto found = points_.find(*name);
    if (found == points_.end()) {
      return fail(name->empty() ? fmt::format("{} is missing", key)
                                : fmt::format("{}: no layer before it is named {}", key, *name));
    }
    point = found->second;
    return {};
  }

  std::vector<Layer> layers_;
  std::map<std::string, Point> points_{{kInput, 0}};
};

/// The keys of a layer's own.
struct Writer {
  std::string& out;
  const std::vector<std::string>& names;  ///< of the points

  void key(const char* name, std::size_t value) { out += fmt::format(", {} = {}", name, value); }
  void bias(bool has_one) {
    if (!has_one) out += ", bias = false";
  }
  void operator()(const LinearSpec& s) { key("outputs", s.outputs), bias(s.bias); }
  void operator()(const Conv2dSpec& s) {
    key("outputs", s.outputs), key("kernel", s.kernel);
    if (s.stride != 1) key("stride", s.stride);
    if (s.padding != 0) key("padding", s.padding);
    bias(s.bias);
  }
  template <class Pool>
  void pool(const Pool& s) {
    key("kernel", s.kernel);
    if (s.stride != s.kernel) key("stride", s.stride);
  }
  void operator()(const MaxPool2dSpec& s) { pool(s); }
  void operator()(const AvgPool2dSpec& s) { pool(s); }
  void operator()(const DropoutSpec& s) { out += fmt::format(", rate = {}", s.rate); }
  void operator()(const GroupNormSpec& s) { key("groups", s.groups); }
  void operator()(const EmbeddingSpec& s) {
    key("vocabulary", s.vocabulary), key("width", s.width);
  }
  void operator()(const AttentionSpec& s) { key("heads", s.heads); }
  void operator()(const AddSpec& s) { out += fmt::format(", with = \"{}\"", names[s.with]); }
  template <class Plain>
  void operator()(const Plain&) {}
};

}  // namespace

Result<ModelSpec> parse_model_toml(std::string_view text, const std::string& name) {
  const auto bad = [&name](const std::string& what) {
    return fail(fmt::format("model '{}': {}", name, what));
  };
  const auto table = parse_toml(text);
  if (!table) {
    const TomlError& error = table.error();
    return bad(error.line == 0 ? error.what : fmt::format("line {}: {}", error.line, error.what));
  }
  for (auto&& [key, node] : *table) {
    if (key != "input" && key != "layer") return bad(fmt::format("{} is no key of it", key.str()));
  }
  auto input = read_input(*table);
  if (!input) return bad(input.error().message);
  auto layers = ModelReader().read(*table);
  if (!layers) return bad(layers.error().message);
  return make_network(name, *std::move(input), *std::move(layers));
}

std::string to_toml(const ModelSpec& spec) {
  std::vector<std::string> names{kInput};
  for (const Layer& layer : spec.layers) names.push_back(layer.name);
  std::string out = fmt::format("input = [{}]\nlayer = [\n", fmt::join(spec.shapes.front(), ", "));
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    const Layer& layer = spec.layers[i];
    out += fmt::format("  {{type = \"{}\"", type_of(layer.spec));
    if (layer.name != std::to_string(i)) out += fmt::format(", name = \"{}\"", layer.name);
    if (layer.from != i) out += fmt::format(", from = \"{}\"", names[layer.from]);
    std::visit(Writer{out, names}, layer.spec);
    out += "},\n";
  }
  return out + "]\n";
}

}  // namespace murmur::core
