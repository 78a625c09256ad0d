// metrics.jsonl: one JSON object a line, each with "event" and "t" (seconds since the peer began):
//   start       id, boot, address, pid, model, device, rows, step
//   status      phase, step, train_loss (mean since the last; absent if none), test_loss and
//               test_accuracy (last evaluation; absent before it), exchanges, staleness_mean,
//               spread, neighbours, bytes_sent, bytes_received; at least four a second
//   evaluation  step, test_loss, test_accuracy
//   phase       phase, message
//   peer        what (up, silent, left, refused: by this peer, refused us, lost), peer, address,
//               message
//   save        step, error (null if it went well)
// Numbers that are not finite are null. Of these the simulator writes evaluation (with train_loss
// and exchanges since the start), phase, peer and save, in virtual seconds.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "core/result.hpp"
#include "gossip/counters.hpp"
#include "gossip/effects.hpp"
#include "gossip/machine.hpp"

namespace murmur::apps {

using Json = nlohmann::ordered_json;

/// Appends lines to a file; write() keeps them, flush() hands them to the system.
class MetricsFile {
 public:
  /// An empty path writes nothing. What is there already stays before what is written.
  static core::Result<MetricsFile> open(const std::filesystem::path& path);
  void write(const Json& record);
  /// Opens, appends and closes, so that a thousand of these hold no descriptors. Losing a line
  /// (a full disk) is said once on stderr and harms nothing else.
  void flush();

 private:
  std::filesystem::path path_;
  std::string pending_;
  bool failed_ = false;
};

/// Turns what one peer reports into records.
class Recorder {
 public:
  /// The record of this report, if it is one that is written as it comes.
  std::optional<Json> record(double t, const gossip::Report& report);
  /// What the reports since the last call have added up to.
  Json status(double t, const gossip::Status& status, const gossip::Counters& counters);

  /// Mean since the last status(); NaN if nothing was trained.
  [[nodiscard]] double train_loss() const;
  [[nodiscard]] const std::optional<core::Evaluation>& evaluation() const { return evaluation_; }
  [[nodiscard]] std::uint64_t exchanges() const { return exchanges_; }

 private:
  double loss_sum_ = 0;
  std::uint64_t loss_steps_ = 0;
  std::uint64_t exchanges_ = 0;
  std::optional<core::Evaluation> evaluation_;
};

}  // namespace murmur::apps
