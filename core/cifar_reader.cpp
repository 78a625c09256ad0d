#include "core/cifar_reader.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "core/file_io.hpp"

namespace murmur::core {
namespace {

constexpr std::size_t kImageBytes = 3 * 32 * 32;
constexpr std::size_t kRecordBytes = 1 + kImageBytes;
constexpr std::size_t kClasses = 10;
constexpr std::size_t kFileMax = std::size_t{1} << 30;

std::optional<std::filesystem::path> find(const std::filesystem::path& folder,
                                          const std::string& name) {
  for (const char* suffix : {"", ".gz"}) {
    std::error_code ignored;
    std::filesystem::path path = folder / (name + suffix);
    if (std::filesystem::exists(path, ignored)) return path;
  }
  return std::nullopt;
}

Result<void> append(const std::filesystem::path& path, Samples& samples,
                    std::vector<std::uint8_t>& pixels) {
  const auto file = read_data_file(path, kFileMax);
  if (!file) return tl::make_unexpected(file.error());
  if (file->empty() || file->size() % kRecordBytes != 0) {
    return fail(fmt::format("{}: {} bytes are no whole number of images of {}", path.string(),
                            file->size(), kRecordBytes));
  }
  const std::size_t count = file->size() / kRecordBytes;
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(file->data());
  pixels.reserve(pixels.size() + count * kImageBytes);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* const record = bytes + i * kRecordBytes;
    if (record[0] >= kClasses) {
      return fail(
          fmt::format("{}: image {}: label {} > {}", path.string(), i, record[0], kClasses - 1));
    }
    samples.labels.push_back(record[0]);
    pixels.insert(pixels.end(), record + 1, record + kRecordBytes);
  }
  samples.rows += count;
  return {};
}

Samples no_images() {
  Samples samples;
  samples.width = kImageBytes;
  samples.scale = 1.0F / 255.0F;
  return samples;
}

}  // namespace

Result<Dataset> load_cifar10(const std::filesystem::path& folder) {
  Dataset data{"cifar10", no_images(), no_images(), kClasses};
  std::vector<std::uint8_t> train;
  std::vector<std::uint8_t> held_out;
  std::size_t batches = 0;
  for (;; ++batches) {
    const auto path = find(folder, fmt::format("data_batch_{}.bin", batches + 1));
    if (!path) break;
    if (auto ok = append(*path, data.train, train); !ok) return tl::make_unexpected(ok.error());
  }
  const auto test = find(folder, "test_batch.bin");
  if (batches == 0 || !test) {
    return fail(fmt::format("{}: neither {} nor {}.gz is there", folder.string(),
                            batches == 0 ? "data_batch_1.bin" : "test_batch.bin",
                            batches == 0 ? "data_batch_1.bin" : "test_batch.bin"));
  }
  if (auto ok = append(*test, data.held_out, held_out); !ok) return tl::make_unexpected(ok.error());
  data.train.bytes = std::move(train);
  data.held_out.bytes = std::move(held_out);
  return data;
}

}  // namespace murmur::core
