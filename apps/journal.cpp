#include "apps/journal.hpp"

#include <utility>
#include <variant>

namespace murmur::apps {
namespace {

/// What may wait for a disk: more than half an hour's records.
constexpr std::size_t kWaitingMax = std::size_t{4} << 20;
constexpr double kLeast = 0.25;  // seconds
constexpr double kMost = 10;
constexpr double kBurst = 256;
constexpr double kEvery = 1;  // seconds

}  // namespace

Journal::Journal(MetricsFile file)
    : file_(std::make_shared<MetricsFile>(std::move(file))),
      writer_(
          kWaitingMax, [file = file_](std::string_view lines) { file->append(lines); },
          MetricsFile::left_out_line),
      status_(kLeast, kMost),
      evaluation_(0, kMost),
      save_(kLeast, kMost),
      neighbours_(kBurst, kEvery),
      own_(kBurst, kEvery) {}

void Journal::write(const Json& record) {
  if (!writer_.write(line_of(record))) ++dropped_;
}

void Journal::limited(double t, Allowance& allowance, const Json& record) {
  if (!allowance.take(t)) return;
  if (const auto left_out = allowance.take_left_out(); left_out > 0) {
    writer_.write(MetricsFile::left_out_line(left_out));
  }
  write(record);
}

void Journal::take(double t, const gossip::Report& report, Recorder& recorder) {
  const auto record = recorder.record(t, report);
  if (!record) return;
  const auto* save = std::get_if<gossip::SaveReport>(&report);
  if (std::holds_alternative<gossip::PeerReport>(report)) {
    limited(t, neighbours_, *record);
  } else if (std::holds_alternative<gossip::NoticeReport>(report) ||
             (save != nullptr && !save->result)) {
    limited(t, own_, *record);
  } else if (std::holds_alternative<gossip::EvaluationReport>(report)) {
    if (evaluation_.due(t)) write(*record);
  } else if (save == nullptr || save_.due(t)) {
    write(*record);
  }
}

void Journal::take(double t, const gossip::Status& status, const gossip::Counters& counters,
                   Recorder& recorder) {
  const bool changed = std::exchange(phase_, status.phase) != status.phase;
  if (status_.due(t) || changed || status.phase == gossip::Phase::kDone) {
    write(recorder.status(t, status, counters));
  }
}

std::uint64_t Journal::finish() {
  writer_.finish([] { return false; });
  return dropped_ + file_->lost();
}

}  // namespace murmur::apps
