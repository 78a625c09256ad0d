// Writes one peer's metrics.jsonl while it runs: behind the back of who serves the network, and no
// more than apps/metrics.hpp promises.
// Thread rule: one thread.
#pragma once

#include <memory>
#include <optional>

#include "apps/background_writer.hpp"
#include "apps/metrics.hpp"
#include "apps/rate.hpp"

namespace murmur::apps {

class Journal {
 public:
  explicit Journal(MetricsFile file);

  void write(const Json& record);
  void take(double t, const gossip::Report& report, Recorder& recorder);
  void take(double t, const gossip::Status& status, const gossip::Counters& counters,
            Recorder& recorder);
  /// Waits until all is written. How many records are missing in it.
  std::uint64_t finish();

 private:
  void limited(double t, Allowance& allowance, const Json& record);
  std::shared_ptr<MetricsFile> file_;
  BackgroundWriter writer_;
  std::uint64_t dropped_ = 0;
  Cadence status_;
  Cadence evaluation_;
  Cadence save_;
  Allowance neighbours_;
  Allowance own_;
  std::optional<gossip::Phase> phase_;  ///< of the last status
};

}  // namespace murmur::apps
