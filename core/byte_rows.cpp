#include "core/byte_rows.hpp"

namespace murmur::core {

ByteRows ByteRows::select(std::span<const std::uint32_t> which) const {
  ByteRows selected = *this;
  std::vector<std::uint32_t> places(which.begin(), which.end());
  if (places_) {
    for (std::uint32_t& place : places) place = (*places_)[place];
  }
  selected.places_ = std::make_shared<const std::vector<std::uint32_t>>(std::move(places));
  return selected;
}

std::vector<std::uint8_t> ByteRows::gather(std::size_t width) const {
  std::vector<std::uint8_t> all;
  const std::size_t count = rows(width);
  all.reserve(count * width);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* const from = row(i, width);
    all.insert(all.end(), from, from + width);
  }
  return all;
}

}  // namespace murmur::core
