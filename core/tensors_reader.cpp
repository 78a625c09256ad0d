#include "core/tensors_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <string>

#include "core/file_io.hpp"
#include "core/safetensors.hpp"
#include "core/split.hpp"

namespace murmur::core {
namespace {

constexpr std::size_t kFileMax = std::size_t{1} << 35;

class Reader {
 public:
  Reader(const std::filesystem::path& path, const TensorFile& file) : path_(path), file_(file) {}

  [[nodiscard]] const FileTensor* find(const std::string& name) const {
    const auto found = file_.tensors.find(name);
    return found == file_.tensors.end() ? nullptr : &found->second;
  }

  /// The rows of `x_name` with what `y_name` says of them.
  Result<Samples> samples(const std::string& x_name, const std::string& y_name,
                          std::size_t classes_max) const {
    const FileTensor* const x = find(x_name);
    const FileTensor* const y = find(y_name);
    if (x == nullptr || y == nullptr) return bad(x == nullptr ? x_name : y_name, "is not there");
    Samples samples;
    if (x->shape.size() < 2) return bad(x_name, "is not [N, ...]");
    samples.rows = x->shape[0];
    const bool bytes = x->type == "U8";
    if (!bytes && x->type != "F32") {
      return bad(x_name, fmt::format("is {}, neither F32 nor U8", x->type));
    }
    if (x->bytes.empty()) return bad(x_name, "holds nothing");
    samples.width =
        std::accumulate(x->shape.begin() + 1, x->shape.end(), std::size_t{1}, std::multiplies<>());
    if (bytes) {
      const auto* const data = reinterpret_cast<const std::uint8_t*>(x->bytes.data());
      samples.bytes = ByteRows(file_.file, {data, x->bytes.size()}, true);
      samples.scale = 1.0F / 255.0F;
    } else if (auto ok = floats(x_name, *x, samples.floats); !ok) {
      return tl::make_unexpected(ok.error());
    }
    if (y->shape.empty() || y->shape[0] != samples.rows) {
      return bad(y_name, fmt::format("is not [{}, ...], as {} has it", samples.rows, x_name));
    }
    const auto read =
        y->type == "F32" ? targets(y_name, *y, samples) : labels(y_name, *y, classes_max, samples);
    if (!read) return tl::make_unexpected(read.error());
    return samples;
  }

 private:
  [[nodiscard]] tl::unexpected<Error> bad(const std::string& name, const std::string& what) const {
    return fail(fmt::format("{}: tensor {} {}", path_.string(), name, what));
  }

  [[nodiscard]] Result<void> floats(const std::string& name, const FileTensor& tensor,
                                    std::vector<float>& out) const {
    out.resize(tensor.bytes.size() / sizeof(float));
    std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
    const auto odd =
        std::find_if(out.begin(), out.end(), [](float v) { return !std::isfinite(v); });
    if (odd == out.end()) return {};
    return bad(name, fmt::format("has a number that is not finite, its {}th", odd - out.begin()));
  }

  [[nodiscard]] Result<void> targets(const std::string& name, const FileTensor& tensor,
                                     Samples& samples) const {
    if (tensor.shape.size() > 2) return bad(name, "is neither [N] nor [N, K]");
    samples.target_width = tensor.shape.size() == 2 ? tensor.shape[1] : 1;
    if (samples.target_width == 0) return bad(name, "holds nothing");
    return floats(name, tensor, samples.targets);
  }

  template <class T>
  [[nodiscard]] Result<void> labels_of(const std::string& name, const FileTensor& tensor,
                                       std::size_t classes_max, Samples& samples) const {
    const std::size_t positions = tensor.bytes.size() / sizeof(T) / samples.rows;
    for (std::size_t i = 0; i < samples.rows * positions; ++i) {
      T value;
      std::memcpy(&value, tensor.bytes.data() + i * sizeof(T), sizeof(T));
      const auto label = static_cast<std::int64_t>(value);
      if (label < 0 || static_cast<std::uint64_t>(label) >= classes_max) {
        return bad(name, fmt::format("has {} in row {}, not in 0..{}", label, i / positions,
                                     classes_max - 1));
      }
      samples.labels.push_back(static_cast<std::int32_t>(label));
    }
    return {};
  }

  [[nodiscard]] Result<void> labels(const std::string& name, const FileTensor& tensor,
                                    std::size_t classes_max, Samples& samples) const {
    if (tensor.shape.size() > 2) return bad(name, "is neither [N] nor [N, T]");
    if (tensor.type != "U8" && tensor.type != "I32" && tensor.type != "I64") {
      return bad(name, fmt::format("is {}, none of U8, I32, I64 and F32", tensor.type));
    }
    if (tensor.bytes.empty()) return bad(name, "holds nothing");
    if (tensor.type == "U8") return labels_of<std::uint8_t>(name, tensor, classes_max, samples);
    if (tensor.type == "I32") return labels_of<std::int32_t>(name, tensor, classes_max, samples);
    return labels_of<std::int64_t>(name, tensor, classes_max, samples);
  }

  const std::filesystem::path& path_;
  const TensorFile& file_;
};

}  // namespace

Result<Dataset> load_tensors(const std::filesystem::path& path, std::uint64_t seed,
                             std::size_t classes_max) {
  const auto file = read_tensor_file(path, kFileMax);
  if (!file) return tl::make_unexpected(file.error());
  const Reader reader(path, *file);
  auto train = reader.samples("x", "y", classes_max);
  if (!train) return tl::make_unexpected(train.error());
  const bool classes = !train->labels.empty();
  if (reader.find("x_test") == nullptr && reader.find("y_test") == nullptr) {
    if (!classes) return split_by_place(path.string(), *train, 0);
    if (train->positions() > 1) return split_by_place(path.string(), *train, classes_of(*train));
    return split_by_class(path.string(), *train, classes_of(*train), seed);
  }
  auto test = reader.samples("x_test", "y_test", classes_max);
  if (!test) return tl::make_unexpected(test.error());
  const bool alike = test->width == train->width && test->target_width == train->target_width &&
                     test->labels.empty() == !classes && test->positions() == train->positions() &&
                     test->bytes.empty() == train->bytes.empty();
  if (!alike) {
    return fail(fmt::format("{}: x_test and y_test are not of the shapes and types of x and y",
                            path.string()));
  }
  const std::size_t count = classes ? std::max(classes_of(*train), classes_of(*test)) : 0;
  return Dataset{path.string(), *std::move(train), *std::move(test), count};
}

}  // namespace murmur::core
