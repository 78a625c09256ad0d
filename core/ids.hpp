// The names of things. Each id is a type of its own, so that one cannot stand in for another.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace murmur::core {

/// 128 random bits, drawn when a peer first starts with an empty state directory and kept in it.
/// Losing the directory makes a new peer. The zero id means "nobody" and is never drawn.
struct PeerId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend constexpr auto operator<=>(const PeerId&, const PeerId&) = default;
  constexpr explicit operator bool() const { return high != 0 || low != 0; }
};

/// All 32 hexadecimal digits.
std::string to_string(PeerId id);
/// The first four digits, as people see a peer in messages and tables.
std::string short_name(PeerId id);
Result<PeerId> parse_peer_id(std::string_view text);

/// How many times this peer has started; the first start is boot 1. Never reused.
using Boot = std::uint32_t;

/// A transfer, numbered by its maker per directed edge. Ordered: boots first.
struct TransferId {
  Boot boot = 0;
  std::uint64_t seq = 0;
  friend constexpr auto operator<=>(const TransferId&, const TransferId&) = default;
};

/// An offer, numbered by the peer that makes it, rising over all its neighbours.
struct OfferId {
  Boot boot = 0;
  std::uint64_t number = 0;
  friend constexpr auto operator<=>(const OfferId&, const OfferId&) = default;
};

/// Which run this is meant to be; peers of two never speak. Zero: the unnamed one.
using Swarm = std::uint64_t;

/// Random bits of whoever drew the parameters, copied with them: two draws are never averaged.
/// Zero: no parameters yet.
using Lineage = std::uint64_t;

/// A piece of the flat parameter array; see core/schema.hpp.
using ShardId = std::uint32_t;

}  // namespace murmur::core
