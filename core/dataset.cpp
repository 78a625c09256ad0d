#include "core/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/check.hpp"
#include "core/cifar_reader.hpp"
#include "core/csv_reader.hpp"
#include "core/digits.hpp"
#include "core/file_io.hpp"
#include "core/idx_reader.hpp"
#include "core/rng.hpp"
#include "core/split.hpp"
#include "core/tensors_reader.hpp"
#include "core/text.hpp"
#include "core/wav_reader.hpp"

namespace murmur::core {
namespace {

constexpr std::size_t kCsvBytesMax = std::size_t{1} << 30;
constexpr std::size_t kTenDigits = 10;

Result<Dataset> load_digits() {
  constexpr std::size_t kTextMax = std::size_t{1} << 20;
  constexpr float kPixelMax = 16;
  auto text = gunzip(digits_csv_gz(), kTextMax, "digits");
  if (!text) return tl::make_unexpected(text.error());
  auto samples = parse_csv(*text, "digits", kTenDigits);
  if (!samples) return tl::make_unexpected(samples.error());
  samples->bytes = std::vector<std::uint8_t>(samples->floats.begin(), samples->floats.end());
  samples->floats.clear();
  samples->scale = 1.0F / kPixelMax;
  return split_by_place("digits", *samples, kTenDigits);
}

/// `name` is as MNIST's authors write it; others unpack it as NAME.idx3-ubyte, or into a folder.
Result<std::filesystem::path> find_idx(const std::filesystem::path& folder, std::string_view name) {
  std::string dotted(name);
  dotted[name.rfind("-idx")] = '.';
  for (const std::string& base : {std::string(name), dotted}) {
    for (const char* suffix : {"", ".gz"}) {
      std::filesystem::path path = folder / (base + suffix);
      std::error_code ignored;
      if (std::filesystem::is_directory(path, ignored)) path /= base;
      if (std::filesystem::exists(path, ignored)) return path;
    }
  }
  return fail(fmt::format("{}: neither {} nor {} is there, nor one of them with .gz",
                          folder.string(), name, dotted));
}

Result<Samples> load_idx_pair(const std::filesystem::path& folder, std::string_view images_name,
                              std::string_view labels_name, std::size_t classes_max) {
  const auto images_path = find_idx(folder, images_name);
  if (!images_path) return tl::make_unexpected(images_path.error());
  const auto labels_path = find_idx(folder, labels_name);
  if (!labels_path) return tl::make_unexpected(labels_path.error());
  auto labels = read_idx_labels(*labels_path, classes_max);
  if (!labels) return tl::make_unexpected(labels.error());
  auto images = read_idx_images(*images_path);
  if (!images) return tl::make_unexpected(images.error());
  if (images->count != labels->size()) {
    return fail(fmt::format("{}: {} images, but {} labels in {}", images_path->string(),
                            images->count, labels->size(), labels_path->string()));
  }
  Samples samples;
  samples.rows = images->count;
  samples.width = images->width;
  samples.bytes = std::move(images->pixels);
  samples.scale = 1.0F / 255.0F;
  samples.labels = std::move(*labels);
  return samples;
}

Result<Dataset> load_mnist(const std::filesystem::path& folder, std::size_t classes_max) {
  auto train =
      load_idx_pair(folder, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", classes_max);
  if (!train) return tl::make_unexpected(train.error());
  auto test =
      load_idx_pair(folder, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", classes_max);
  if (!test) return tl::make_unexpected(test.error());
  if (train->width != test->width) {
    return fail(fmt::format("{}: training images of {} pixels, test images of {}", folder.string(),
                            train->width, test->width));
  }
  const std::size_t classes = std::max({kTenDigits, classes_of(*train), classes_of(*test)});
  return Dataset{"mnist", std::move(*train), std::move(*test), classes};
}

Result<Dataset> load_csv(const std::filesystem::path& file, std::uint64_t seed,
                         std::size_t classes_max) {
  const auto text = read_data_file(file, kCsvBytesMax);
  if (!text) return tl::make_unexpected(text.error());
  const auto samples = parse_csv(*text, file.string(), classes_max);
  if (!samples) return tl::make_unexpected(samples.error());
  return split_by_class(file.string(), *samples, classes_of(*samples), seed);
}

Result<Dataset> load_csv_targets(const std::filesystem::path& file) {
  const auto text = read_data_file(file, kCsvBytesMax);
  if (!text) return tl::make_unexpected(text.error());
  const auto samples = parse_csv_targets(*text, file.string());
  if (!samples) return tl::make_unexpected(samples.error());
  return split_by_place(file.string(), *samples, 0);
}

/// y = 2x + 1 + noise, x uniform in [-1, 1): the tutorial's regression.
Result<Dataset> make_linear(std::uint64_t seed) {
  constexpr std::size_t kRows = 1000;
  constexpr double kNoise = 0.05;
  Rng rng(seed, 0, "data linear");
  Samples samples;
  samples.rows = kRows;
  samples.width = 1;
  samples.target_width = 1;
  for (std::size_t i = 0; i < kRows; ++i) {
    const double x = 2.0 * rng.uniform() - 1.0;
    samples.floats.push_back(static_cast<float>(x));
    samples.targets.push_back(static_cast<float>(2.0 * x + 1.0 + kNoise * rng.normal()));
  }
  return split_by_place("linear", samples, 0);
}

template <class T>
void copy_rows(const std::vector<T>& from, std::size_t width, std::span<const std::uint32_t> rows,
               std::vector<T>& to) {
  if (from.empty()) return;
  to.reserve(rows.size() * width);
  for (const std::uint32_t row : rows) {
    const auto begin = from.begin() + static_cast<std::ptrdiff_t>(row * width);
    to.insert(to.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
  }
}

}  // namespace

Samples Samples::select(std::span<const std::uint32_t> which) const {
  Samples out;
  out.rows = which.size();
  out.width = width;
  out.scale = scale;
  out.target_width = target_width;
  if (!bytes.empty()) out.bytes = bytes.select(which);
  copy_rows(floats, width, which, out.floats);
  copy_rows(labels, rows == 0 ? 1 : labels.size() / rows, which, out.labels);
  copy_rows(targets, target_width, which, out.targets);
  return out;
}

void Samples::read_features(std::size_t row, std::span<float> to) const {
  CHECK_INVARIANT(row < rows && to.size() == width);
  if (!tokens.empty()) {
    std::copy_n(tokens.data() + row * width, width, to.data());
  } else if (!bytes.empty()) {
    std::transform(bytes.row(row, width), bytes.row(row, width) + width, to.data(),
                   [this](std::uint8_t b) { return scale * static_cast<float>(b); });
  } else {
    std::copy_n(floats.data() + row * width, width, to.data());
  }
}

std::size_t Samples::positions() const {
  if (!tokens.empty()) return width;
  return rows == 0 ? 1 : labels.size() / rows;
}

std::size_t Samples::label(std::size_t row, std::size_t position) const {
  if (!tokens.empty()) return tokens[row * width + position + 1];
  return static_cast<std::size_t>(labels[row * positions() + position]);
}

std::vector<std::vector<std::uint32_t>> rows_by_class(const Samples& samples, std::size_t classes) {
  std::vector<std::vector<std::uint32_t>> of_class(classes);
  for (std::uint32_t row = 0; row < samples.rows; ++row) {
    of_class[static_cast<std::size_t>(samples.labels[row])].push_back(row);
  }
  return of_class;
}

Result<Dataset> load_dataset(std::string_view spec, std::uint64_t seed, std::size_t classes_max) {
  constexpr std::string_view kMnist = "mnist:";
  constexpr std::string_view kCsv = "csv:";
  constexpr std::string_view kCsvTargets = "csv-targets:";
  constexpr std::string_view kCifar10 = "cifar10:";
  constexpr std::string_view kTensors = "tensors:";
  constexpr std::string_view kText = "text:";
  constexpr std::string_view kWav = "wav:";
  if (spec == "digits") return load_digits();
  if (spec == "linear") return make_linear(seed);
  if (spec.starts_with(kMnist) && spec.size() > kMnist.size()) {
    return load_mnist(spec.substr(kMnist.size()), classes_max);
  }
  if (spec.starts_with(kCsv) && spec.size() > kCsv.size()) {
    return load_csv(spec.substr(kCsv.size()), seed, classes_max);
  }
  if (spec.starts_with(kCsvTargets) && spec.size() > kCsvTargets.size()) {
    return load_csv_targets(spec.substr(kCsvTargets.size()));
  }
  if (spec.starts_with(kCifar10) && spec.size() > kCifar10.size()) {
    return load_cifar10(spec.substr(kCifar10.size()));
  }
  if (spec.starts_with(kTensors) && spec.size() > kTensors.size()) {
    return load_tensors(spec.substr(kTensors.size()), seed, classes_max);
  }
  if (spec.starts_with(kText) && spec.size() > kText.size()) {
    return load_text(spec.substr(kText.size()));
  }
  if (spec.starts_with(kWav) && spec.size() > kWav.size()) {
    return load_wavs(spec.substr(kWav.size()), seed, classes_max);
  }
  return fail(
      fmt::format("data '{}' is none of digits, mnist:DIR, cifar10:DIR, csv:FILE, "
                  "csv-targets:FILE, tensors:FILE, text:FILE, wav:DIR, linear",
                  spec));
}

}  // namespace murmur::core
