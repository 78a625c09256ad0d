// Randomness that repeats: counter-based streams, each named by (seed, entity, purpose), so that
// removing one use of chance moves no other. SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the
// n-th value is a hash of key + n * golden ratio. The distributions are our own because the
// standard library's differ between implementations.
// Thread rule: a stream belongs to one thread.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string_view>
#include <utility>
#include <vector>

namespace murmur::core {

/// SplitMix64's finaliser: a bijection of 64 bits that scatters them.
constexpr std::uint64_t mix64(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

/// FNV-1a, for naming streams and schemas; not for hostile input.
constexpr std::uint64_t hash_name(std::string_view text, std::uint64_t h = 0xcbf29ce484222325ULL) {
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return h;
}

class Rng {
 public:
  explicit constexpr Rng(std::uint64_t key) : key_(mix64(key)) {}
  /// The stream of `entity` (a peer's number, say) for `purpose`, under a master seed.
  constexpr Rng(std::uint64_t seed, std::uint64_t entity, std::string_view purpose)
      : Rng(mix64(seed) ^ mix64(entity * 0x9e3779b97f4a7c15ULL + hash_name(purpose))) {}

  constexpr std::uint64_t next() { return mix64(key_ + ++count_ * 0x9e3779b97f4a7c15ULL); }

  /// Uniform in [0, 1), 53 bits.
  constexpr double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// Uniform in 0..n-1; 0 < n <= 2^32. (Lemire's multiply-shift; the bias is below n / 2^32.)
  constexpr std::uint64_t below(std::uint64_t n) { return ((next() >> 32) * n) >> 32; }
  /// Standard normal (Box-Muller, one of the pair).
  double normal() {
    const double u = 1.0 - uniform();
    const double v = uniform();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
  }
  /// Exponential with mean 1.
  double exponential() { return -std::log(1.0 - uniform()); }

  /// How many values were drawn; (key, count) is the stream's whole state.
  [[nodiscard]] constexpr std::uint64_t count() const { return count_; }
  constexpr void set_count(std::uint64_t count) { count_ = count; }

 private:
  std::uint64_t key_;
  std::uint64_t count_ = 0;
};

/// Fisher and Yates: every order is as likely.
template <class T>
void shuffle(std::vector<T>& items, Rng& rng) {
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[rng.below(i)]);
}

}  // namespace murmur::core
