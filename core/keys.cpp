#include "core/keys.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <bit>

#include "core/check.hpp"
#include "core/hexadecimal.hpp"

namespace murmur::core {
namespace {

/// BLAKE2b-256 of the parts one after another, keyed unless `key` is null.
KeyBytes blake2b(const KeyBytes* key, std::string_view first, const std::uint8_t* second = nullptr,
                 std::size_t second_size = 0) {
  static const bool ready = sodium_init() >= 0;
  CHECK_INVARIANT(ready);
  crypto_generichash_state state;
  crypto_generichash_init(&state, key != nullptr ? key->data() : nullptr,
                          key != nullptr ? key->size() : 0, kKeyBytes);
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(first.data()),
                            first.size());
  if (second != nullptr) crypto_generichash_update(&state, second, second_size);
  KeyBytes digest;
  crypto_generichash_final(&state, digest.data(), digest.size());
  return digest;
}

/// Eight bytes, the first the highest, so that the number's digits are the digest's.
std::uint64_t word_at(const KeyBytes& bytes, std::size_t at) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < sizeof word; ++i) word = word << 8 | bytes[at + i];
  return word;
}

std::uint64_t never_zero(std::uint64_t word) { return std::max<std::uint64_t>(word, 1); }

}  // namespace

KeyPair key_pair(const SecretKey& secret) {
  KeyPair keys{{}, secret};
  crypto_scalarmult_base(keys.shown.bytes.data(), secret.bytes.data());
  return keys;
}

PeerId peer_id(const PublicKey& key) {
  const KeyBytes digest = blake2b(nullptr, "", key.bytes.data(), key.bytes.size());
  return {word_at(digest, 0), never_zero(word_at(digest, 8))};
}

std::uint64_t swarm_id(const SwarmKey& key) {
  return never_zero(word_at(blake2b(&key.bytes, "murmur 2 swarm"), 0));
}

std::uint64_t swarm_id(std::string_view name) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(name.data());
  return never_zero(word_at(blake2b(nullptr, "murmur 2 swarm name ", bytes, name.size()), 0));
}

KeyPair listening_keys(const SwarmKey& key) {
  return key_pair({blake2b(&key.bytes, "murmur 2 listening")});
}

Proof membership_proof(const SwarmKey& key, const PublicKey& member) {
  return std::bit_cast<Proof>(
      blake2b(&key.bytes, "murmur 2 member ", member.bytes.data(), member.bytes.size()));
}

std::string to_string(const PublicKey& key) { return to_hexadecimal(key.bytes); }

Result<PublicKey> parse_public_key(std::string_view text) {
  PublicKey key;
  if (from_hexadecimal(text, key.bytes)) return key;
  return fail(fmt::format("'{}' is not a public key (64 hexadecimal digits)", text.substr(0, 80)));
}

}  // namespace murmur::core
