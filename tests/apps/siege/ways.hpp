// The ways in which a stranger who can reach a peer's port, and knows the protocol and the model,
// but is no member, may try to stop it from training.
// Thread rule: a Camp is of one thread; what is called with it may be called from any.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/rng.hpp"
#include "tests/net/raw_zmtp.hpp"

namespace murmur::testing {

/// A peer, as a stranger knows it.
struct Target {
  std::string address;
  std::string model;
  std::uint64_t schema = 0;  ///< hash
};

/// What one besieger keeps between its blows: sockets that it leaves open, the newest ones.
class Camp {
 public:
  explicit Camp(std::uint64_t seed) : rng(seed, 0, "siege") {}
  void hold(test::RawSocket socket) {
    held_.push_back(std::move(socket));
    if (held_.size() > kHeldMax) held_.pop_front();
  }
  core::Rng rng;

 private:
  static constexpr std::size_t kHeldMax = 100;
  std::deque<test::RawSocket> held_;
};

struct Way {
  const char* name;
  const char* unit;  ///< what is counted
  /// One blow, of a fraction of a second; how many connections or messages it was.
  std::uint64_t (*once)(Camp& camp, const Target& target);
};

/// Against peers without a key.
const std::vector<Way>& ways();
/// Against peers that have one, which the strangers have not.
const std::vector<Way>& ways_without_the_key();

}  // namespace murmur::testing
