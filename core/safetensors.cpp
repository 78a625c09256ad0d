#include "core/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
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

struct HeaderAndData {
  nlohmann::ordered_json header;  ///< an object
  ByteView data;
};

Result<HeaderAndData> split_header(ByteView file) {
  std::uint64_t header_size = 0;
  if (file.size() < kLengthSize) return fail("truncated before its header");
  std::memcpy(&header_size, file.data(), kLengthSize);
  if (header_size > kHeaderMax || header_size > file.size() - kLengthSize) {
    return fail(fmt::format("the header is said to take {} bytes, the file has {}", header_size,
                            file.size()));
  }
  const auto* const text = reinterpret_cast<const char*>(file.data() + kLengthSize);
  auto header =
      nlohmann::ordered_json::parse(text, text + header_size, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) return fail("the header is not a JSON object");
  return HeaderAndData{std::move(header), file.subspan(kLengthSize + header_size)};
}

/// Bytes of one number; 0: of a type that is not read.
std::size_t size_of(const std::string& type) {
  if (type == "U8") return 1;
  if (type == "I32" || type == "F32") return 4;
  return type == "I64" ? 8 : 0;
}

Result<FileTensor> tensor_of(const nlohmann::ordered_json& entry, ByteView data) {
  const auto whole = [](const nlohmann::ordered_json& list) {
    return list.is_array() && std::all_of(list.begin(), list.end(), [](const auto& value) {
             return value.is_number_unsigned();
           });
  };
  if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string() ||
      !entry.contains("shape") || !whole(entry["shape"]) || !entry.contains("data_offsets") ||
      !whole(entry["data_offsets"]) || entry["data_offsets"].size() != 2) {
    return fail("its entry is not one of dtype, shape and two data_offsets");
  }
  FileTensor tensor{
      entry["dtype"].get<std::string>(), entry["shape"].get<std::vector<std::size_t>>(), {}};
  const auto begin = entry["data_offsets"][0].get<std::uint64_t>();
  const auto end = entry["data_offsets"][1].get<std::uint64_t>();
  if (end < begin || end > data.size()) {
    return fail(fmt::format("said to lie at {}..{} of {} bytes", begin, end, data.size()));
  }
  if (size_of(tensor.type) == 0) return tensor;
  // Judged factor by factor: the product of all may not fit 64 bits.
  std::uint64_t size = size_of(tensor.type);
  for (const std::size_t n : tensor.shape) {
    size = n == 0 || size <= data.size() / n ? size * n : data.size() + 1;
  }
  if (size != end - begin) {
    return fail(fmt::format("{} [{}] does not take {} bytes", tensor.type,
                            fmt::join(tensor.shape, ", "), end - begin));
  }
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
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
  const auto parts = split_header(*file);
  if (!parts) return bad(parts.error().message);
  const auto& [header, data] = *parts;
  std::size_t tensors = 0;
  for (const auto& [name, entry] : header.items()) tensors += name != "__metadata__" ? 1 : 0;
  if (tensors != schema.tensors().size()) {
    return bad(
        fmt::format("{} tensors, {} has {}", tensors, schema.model(), schema.tensors().size()));
  }
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

Result<TensorFile> read_tensor_file(const std::filesystem::path& path, std::size_t bytes_max) {
  auto file = map_file(path, bytes_max);
  if (!file) return tl::make_unexpected(file.error());
  TensorFile result{*std::move(file), {}, {}};
  const auto bad = [&path](const std::string& what) {
    return fail(fmt::format("{}: {}", path.string(), what));
  };
  const auto parts = split_header(result.file->bytes());
  if (!parts) return bad(parts.error().message);
  for (const auto& [name, entry] : parts->header.items()) {
    if (name == "__metadata__") {
      for (const auto& [key, value] : entry.items()) {
        if (value.is_string()) result.metadata[key] = value.get<std::string>();
      }
      continue;
    }
    auto tensor = tensor_of(entry, parts->data);
    if (!tensor) return bad(fmt::format("tensor {}: {}", name, tensor.error().message));
    result.tensors[name] = *std::move(tensor);
  }
  return result;
}

}  // namespace murmur::core
