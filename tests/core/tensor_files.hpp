// Writes safetensors files, also ones that lie.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace murmur::testing {

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

/// Tensors one after the other.
class TensorsFile {
 public:
  template <class T>
  TensorsFile& add(const std::string& name, const std::string& type, const std::string& shape,
                   const std::vector<T>& values) {
    const std::string bytes = bytes_of(values);
    entry(name, type, shape, data_.size(), data_.size() + bytes.size());
    data_ += bytes;
    return *this;
  }
  TensorsFile& entry(const std::string& name, const std::string& type, const std::string& shape,
                     std::size_t begin, std::size_t end) {
    if (!header_.empty()) header_ += ",";
    header_ += '"' + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape +
               ",\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]}";
    return *this;
  }
  [[nodiscard]] std::string text() const {
    const std::string header = "{" + header_ + "}";
    return bytes_of(std::vector<std::uint64_t>{header.size()}) + header + data_;
  }

 private:
  std::string header_;
  std::string data_;
};

}  // namespace murmur::testing
