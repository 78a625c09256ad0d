// Follows the metrics.jsonl of one running peer and keeps what its table row needs.
// Thread rule: one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>

namespace murmur::apps {

struct PeerProgress {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::string id;  ///< empty until it has started
  std::string address;
  std::string phase;
  std::uint64_t step = 0;
  double train_loss = kNone;
  double test_accuracy = kNone;
  double test_loss = kNone;
  std::uint64_t exchanges = 0;
  double staleness_mean = kNone;
  double spread = kNone;
  double seconds = 0;                   ///< since it began, at the last status
  double kilobytes_per_second = kNone;  ///< both ways, since the status before
};

class Tail {
 public:
  /// `pid` of the peer: records before its "start" are an earlier run's and are passed over.
  Tail(std::filesystem::path path, pid_t pid) : path_(std::move(path)), pid_(pid) {}
  /// Reads what has been added. A file that is not there yet, and a line that is not a record,
  /// are passed over.
  void poll();
  [[nodiscard]] const PeerProgress& progress() const { return progress_; }

 private:
  void take(std::string_view line);
  std::filesystem::path path_;
  pid_t pid_;
  std::uintmax_t offset_ = 0;
  std::string partial_;  ///< the beginning of a line whose end is not yet written
  bool started_ = false;
  double status_bytes_ = 0;
  PeerProgress progress_;
};

}  // namespace murmur::apps
