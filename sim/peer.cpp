#include "sim/peer.hpp"

#include <fmt/format.h>

#include <charconv>

namespace murmur::sim {

gossip::Address address_of(std::uint64_t index) { return fmt::format("p{}:0", index); }

std::optional<std::uint32_t> index_of(const gossip::Address& address, std::size_t peers) {
  std::uint32_t index = 0;
  const char* end = address.data() + address.size();
  if (address.size() < 2 || address[0] != 'p') return std::nullopt;
  const auto [rest, error] = std::from_chars(address.data() + 1, end, index);
  const std::string_view port(rest, static_cast<std::size_t>(end - rest));
  if (error != std::errc() || port != ":0" || index >= peers) return std::nullopt;
  return index;
}

}  // namespace murmur::sim
