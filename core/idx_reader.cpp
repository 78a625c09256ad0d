#include "core/idx_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/file_io.hpp"

namespace murmur::core {
namespace {

constexpr std::uint32_t kImagesMagic = 0x00000803;
constexpr std::uint32_t kLabelsMagic = 0x00000801;
constexpr std::size_t kFileMax = std::size_t{1} << 30;  // MNIST's largest is 47 MB

std::uint32_t big_endian(ByteView data, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = value << 8 | std::to_integer<std::uint32_t>(data[offset + i]);
  }
  return value;
}

struct Idx {
  SharedBytes file;
  std::vector<std::size_t> dimensions;
  [[nodiscard]] ByteView body() const { return file.bytes.subspan(4 + 4 * dimensions.size()); }
};

Result<Idx> read_idx(const std::filesystem::path& path, std::uint32_t magic) {
  const auto file = map_data_file(path, kFileMax);
  if (!file) return tl::make_unexpected(file.error());
  const ByteView bytes = file->bytes;
  const std::size_t header = 4 + 4 * (magic & 0xff);  // the magic's last byte counts dimensions
  if (bytes.size() < header) {
    return fail(
        fmt::format("{}: {} bytes, an IDX header takes {}", path.string(), bytes.size(), header));
  }
  if (const std::uint32_t found = big_endian(bytes, 0); found != magic) {
    return fail(fmt::format("{}: starts with {:#010x}, not with IDX's {:#010x}", path.string(),
                            found, magic));
  }
  Idx idx{*file, {}};
  const std::size_t length = bytes.size() - header;
  std::size_t claimed = 1;
  bool honest = true;  // judged factor by factor: the product of all may not fit 64 bits
  for (std::size_t at = 4; at < header; at += 4) {
    idx.dimensions.push_back(big_endian(bytes, at));
    honest = honest && claimed <= std::max<std::size_t>(length, 1);
    claimed *= honest ? idx.dimensions.back() : 1;
  }
  if (!honest || claimed != length) {
    return fail(fmt::format("{}: the header says {}, but {} bytes follow it", path.string(),
                            fmt::join(idx.dimensions, " x "), length));
  }
  if (claimed == 0) return fail(fmt::format("{}: no data", path.string()));
  return idx;
}

}  // namespace

Result<IdxImages> read_idx_images(const std::filesystem::path& path) {
  const auto idx = read_idx(path, kImagesMagic);
  if (!idx) return tl::make_unexpected(idx.error());
  const auto* const pixels = reinterpret_cast<const std::uint8_t*>(idx->body().data());
  return IdxImages{idx->dimensions[0], idx->dimensions[1] * idx->dimensions[2],
                   ByteRows(idx->file.owner, {pixels, idx->body().size()}, idx->file.mapped)};
}

Result<std::vector<std::int32_t>> read_idx_labels(const std::filesystem::path& path,
                                                  std::size_t classes) {
  const auto idx = read_idx(path, kLabelsMagic);
  if (!idx) return tl::make_unexpected(idx.error());
  std::vector<std::int32_t> labels;
  labels.reserve(idx->body().size());
  for (const std::byte byte : idx->body()) {
    const auto label = std::to_integer<std::int32_t>(byte);
    if (static_cast<std::size_t>(label) >= classes) {
      return fail(fmt::format("{}: item {}: label {} > {}", path.string(), labels.size(), label,
                              classes - 1));
    }
    labels.push_back(label);
  }
  return labels;
}

}  // namespace murmur::core
