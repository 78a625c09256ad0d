#include "core/safetensors.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/file_io.hpp"

namespace murmur::core {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::size_t kLengthSize = 8;
constexpr std::size_t kHeaderMax = std::size_t{100} << 20;  // the format's own limit

/// The entry of one tensor, as the format's header writes it.
nlohmann::ordered_json entry_of(const Tensor& tensor) {
  nlohmann::ordered_json entry;
  entry["dtype"] = "F32";
  entry["shape"] = tensor.shape;
  entry["data_offsets"] = {tensor.offset * sizeof(float),
                           (tensor.offset + tensor.size) * sizeof(float)};
  return entry;
}

/// The byte of the tensors' data at which `tensor` begins. Nothing: it is not there as F32 and in
/// its shape.
std::optional<std::uint64_t> place_of(const nlohmann::ordered_json& header, const Tensor& tensor) {
  const auto entry = header.find(tensor.name);
  if (entry == header.end() || !entry->is_object()) return std::nullopt;
  const nlohmann::ordered_json wanted = entry_of(tensor);
  for (const char* key : {"dtype", "shape"}) {
    if (!entry->contains(key) || (*entry)[key] != wanted[key]) return std::nullopt;
  }
  const auto offsets = entry->find("data_offsets");
  if (offsets == entry->end() || !offsets->is_array() || offsets->size() != 2) return std::nullopt;
  if (!(*offsets)[0].is_number_unsigned() || !(*offsets)[1].is_number_unsigned()) {
    return std::nullopt;
  }
  const auto begin = (*offsets)[0].get<std::uint64_t>();
  const auto end = (*offsets)[1].get<std::uint64_t>();
  if (end < begin || end - begin != tensor.size * sizeof(float)) return std::nullopt;
  return begin;
}

}  // namespace

Result<void> write_safetensors(const std::filesystem::path& path, const Schema& schema,
                               std::span<const float> parameters,
                               const std::map<std::string, std::string>& metadata) {
  CHECK_INVARIANT(parameters.size() == schema.parameters());
  nlohmann::ordered_json header;
  header["__metadata__"] = metadata;
  header["__metadata__"]["model"] = schema.model();
  for (const Tensor& tensor : schema.tensors()) header[tensor.name] = entry_of(tensor);
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the tensors are aligned
  std::array<std::byte, kLengthSize> length{};
  const std::uint64_t size = text.size();
  std::memcpy(length.data(), &size, sizeof size);
  const std::array<ByteView, 3> parts{ByteView(length), std::as_bytes(std::span(text)),
                                      std::as_bytes(parameters)};
  return write_file_atomically(path, parts);
}

Result<std::vector<float>> read_safetensors(const std::filesystem::path& path,
                                            const Schema& schema) {
  const std::size_t data_size = schema.parameters() * sizeof(float);
  const auto file = read_file(path, kLengthSize + kHeaderMax + data_size);
  if (!file) return tl::make_unexpected(file.error());
  const auto bad = [&path](const std::string& what) {
    return fail(fmt::format("{}: {}", path.string(), what));
  };
  std::uint64_t header_size = 0;
  if (file->size() < kLengthSize) return bad("truncated before its header");
  std::memcpy(&header_size, file->data(), kLengthSize);
  if (header_size > kHeaderMax || header_size > file->size() - kLengthSize) {
    return bad(fmt::format("the header is said to take {} bytes, the file has {}", header_size,
                           file->size()));
  }
  const auto* const text = reinterpret_cast<const char*>(file->data() + kLengthSize);
  const auto header =
      nlohmann::ordered_json::parse(text, text + header_size, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) return bad("the header is not a JSON object");
  std::size_t tensors = 0;
  for (const auto& [name, entry] : header.items()) tensors += name != "__metadata__" ? 1 : 0;
  if (tensors != schema.tensors().size()) {
    return bad(
        fmt::format("{} tensors, {} has {}", tensors, schema.model(), schema.tensors().size()));
  }
  const ByteView data = ByteView(*file).subspan(kLengthSize + header_size);
  if (data.size() != data_size) {
    return bad(
        fmt::format("{} bytes of tensors, {} has {}", data.size(), schema.model(), data_size));
  }
  std::map<std::uint64_t, const Tensor*> by_place;
  for (const Tensor& tensor : schema.tensors()) {
    const auto begin = place_of(header, tensor);
    if (!begin) {
      return bad(fmt::format("tensor {} is not there as F32 [{}]", tensor.name,
                             fmt::join(tensor.shape, ", ")));
    }
    by_place[*begin] = &tensor;
  }
  std::vector<float> parameters(schema.parameters());
  std::uint64_t next = 0;
  for (const auto& [begin, tensor] : by_place) {
    if (begin != next) return bad(fmt::format("tensor {} is not where another ends", tensor->name));
    std::memcpy(parameters.data() + tensor->offset, data.data() + begin,
                tensor->size * sizeof(float));
    next += tensor->size * sizeof(float);
  }
  if (next != data_size) return bad("two tensors at one place");
  return parameters;
}

}  // namespace murmur::core
