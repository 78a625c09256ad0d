// ByteRows: rows of bytes, shared by all that were selected from them: images are neither copied
// for each part of a data set nor, of a file that is mapped, in memory at all.
//
// Thread rule: values; what they share is immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace murmur::core {

class ByteRows {
 public:
  ByteRows() = default;
  ByteRows(std::vector<std::uint8_t> own) {  // NOLINT(google-explicit-constructor): as good as one
    const auto kept = std::make_shared<const std::vector<std::uint8_t>>(std::move(own));
    bytes_ = *kept;
    owner_ = kept;
  }
  /// `bytes` lie in what `owner` holds; if that is mapped, it costs no memory of one's own.
  ByteRows(std::shared_ptr<const void> owner, std::span<const std::uint8_t> bytes, bool mapped)
      : owner_(std::move(owner)), bytes_(bytes), mapped_(mapped) {}

  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  /// Of row 0, where places() is null.
  [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }
  /// Of each row, its number where they lie; null: they lie one after the other.
  [[nodiscard]] const std::uint32_t* places() const { return places_ ? places_->data() : nullptr; }
  [[nodiscard]] const std::uint8_t* row(std::size_t row, std::size_t width) const {
    return data() + (places_ ? (*places_)[row] : row) * width;
  }
  [[nodiscard]] std::size_t rows(std::size_t width) const {
    return places_ ? places_->size() : bytes_.size() / width;
  }

  /// The rows named, in that order, of the same bytes.
  [[nodiscard]] ByteRows select(std::span<const std::uint32_t> which) const;
  /// A copy, one row after the other.
  [[nodiscard]] std::vector<std::uint8_t> gather(std::size_t width) const;
  /// Without the bytes of others, where those take memory.
  [[nodiscard]] ByteRows compact(std::size_t width) const {
    return places_ && !mapped_ ? ByteRows(gather(width)) : *this;
  }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::uint8_t> bytes_;
  bool mapped_ = false;
  std::shared_ptr<const std::vector<std::uint32_t>> places_;
};

}  // namespace murmur::core
