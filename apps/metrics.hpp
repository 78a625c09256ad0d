// metrics.jsonl: one JSON object a line, each with "event" and "t" (seconds since the peer began):
//   start       id, boot, address, pid, model, device, rows, step
//   status      phase, step, train_loss (mean since the last; absent if none), test_loss and
//               test_accuracy (last evaluation; absent before it), exchanges, staleness_mean,
//               spread, neighbours, bytes_sent, bytes_received
//   evaluation  step, test_loss, test_accuracy
//   phase       phase, message
//   peer        what (up, silent, left, refused: by this peer, refused us, differs, lost), peer,
//               address, message
//   save        step, error (null if it went well)
//   notice      message
//   left out    records: how many are missing here; it has no "t"
// How often: status, evaluation and save four times a second at first, later every thousandth of
// the time since the start, and every 10 s in the end (3 MB a day); of peer and notice 256 at once,
// and one a second. Numbers that are not finite are null. Of these the simulator writes evaluation
// (with train_loss and exchanges since the start), phase, peer and save, in virtual seconds. Thread
// rule: one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "gossip/counters.hpp"
#include "gossip/effects.hpp"
#include "gossip/machine.hpp"

namespace murmur::apps {

using Json = nlohmann::ordered_json;

/// A record as it is written.
inline std::string line_of(const Json& record) { return record.dump() + "\n"; }

/// A file of records that grows.
class MetricsFile {
 public:
  /// An empty path writes nothing. What is there already stays before what is written. Error: it
  /// cannot be written.
  static core::Result<MetricsFile> open(const std::filesystem::path& path);
  /// Opens, appends and closes, so that a thousand of these hold no descriptors. Lines that cannot
  /// be written (a full disk) are said once on stderr, and counted in the file when it can be
  /// written again.
  void append(std::string_view lines);
  /// Records that could not be written.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  /// The line that stands for `records` that are missing.
  static std::string left_out_line(std::uint64_t records);

 private:
  explicit MetricsFile(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
  std::uint64_t missing_ = 0;  ///< lost, and not yet said in the file
  std::uint64_t lost_ = 0;
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
