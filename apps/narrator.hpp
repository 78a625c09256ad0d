// What a person sees of one peer: a line when something happens, and one now and then.
// Thread rule: print() from any thread, the rest on one.
#pragma once

#include <functional>
#include <string>

#include "apps/metrics.hpp"
#include "apps/rate.hpp"
#include "gossip/effects.hpp"
#include "gossip/machine.hpp"

namespace murmur::apps {

class Narrator {
 public:
  /// `write` gets whole lines, and does not wait.
  explicit Narrator(std::function<void(std::string)> write) : write_(std::move(write)) {}

  void say(double t, const gossip::Report& report);
  void say(double t, const gossip::Status& status, const Recorder& recorder);
  void print(double t, const std::string& text);

 private:
  void limited(double t, Allowance& allowance, const std::string& text);
  std::function<void(std::string)> write_;
  Cadence status_{1, 60};
  // Neighbours may come and go without end, and must not hide what this peer has to say.
  Allowance neighbours_{60, 5};
  Allowance own_{60, 5};
};

}  // namespace murmur::apps
