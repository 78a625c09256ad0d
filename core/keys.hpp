// Keys: who a peer is, and which swarm it belongs to. A peer's identity is an X25519 key pair, the
// kind that CURVE uses; its id is a hash of the public half, so nobody can claim it without the
// secret one. A swarm key is 32 random bytes that all members hold; from it come the swarm's id,
// the key pair of whoever listens, and the proof that a peer holds the key. Everything here is a
// pure function of its arguments (docs/security.md has them as formulas); secrets are drawn
// elsewhere. Thread rule: values, and functions that any thread may call.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/ids.hpp"
#include "core/result.hpp"

namespace murmur::core {

inline constexpr std::size_t kKeyBytes = 32;
using KeyBytes = std::array<std::uint8_t, kKeyBytes>;

struct PublicKey {
  KeyBytes bytes{};
  friend auto operator<=>(const PublicKey&, const PublicKey&) = default;
};
/// Of an identity, or of whoever listens in a swarm.
struct SecretKey {
  KeyBytes bytes{};
};
struct KeyPair {
  PublicKey shown;
  SecretKey secret;
};
/// What all members of a swarm hold.
struct SwarmKey {
  KeyBytes bytes{};
};
/// That the holder of a public key also holds a swarm key.
using Proof = std::array<std::byte, kKeyBytes>;

KeyPair key_pair(const SecretKey& secret);
/// The first 128 bits of BLAKE2b-256 of the key.
PeerId peer_id(const PublicKey& key);

/// Which swarm it is; never zero.
std::uint64_t swarm_id(const SwarmKey& key);
std::uint64_t swarm_id(std::string_view name);
/// The key pair with which every member listens: who calls must know it, and members do.
KeyPair listening_keys(const SwarmKey& key);
Proof membership_proof(const SwarmKey& key, const PublicKey& member);

/// 64 hexadecimal digits, and back. Error: it is no such text.
std::string to_string(const PublicKey& key);
Result<PublicKey> parse_public_key(std::string_view text);

}  // namespace murmur::core
