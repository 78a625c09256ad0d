#include "apps/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "apps/console.hpp"
#include "core/file_io.hpp"
#include "core/ids.hpp"

namespace murmur::apps {
namespace {

Json event(const char* name, double t) { return {{"event", name}, {"t", t}}; }

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

core::Result<MetricsFile> MetricsFile::open(const std::filesystem::path& path) {
  if (!path.empty()) {
    if (auto made = core::append_lines(path, ""); !made) return tl::make_unexpected(made.error());
  }
  return MetricsFile(path);
}

void MetricsFile::append(std::string_view lines) {
  if (path_.empty() || lines.empty()) return;
  const std::string missing = missing_ > 0 ? left_out_line(missing_) : "";
  if (auto written = core::append_lines(path_, missing + std::string(lines)); !written) {
    if (missing_ == 0) complain(written.error().message);
    const auto records = static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
    missing_ += records;
    lost_ += records;
    return;
  }
  missing_ = 0;
}

std::string MetricsFile::left_out_line(std::uint64_t records) {
  return line_of({{"event", "left out"}, {"records", records}});
}

double Recorder::train_loss() const {
  return loss_steps_ > 0 ? loss_sum_ / static_cast<double>(loss_steps_)
                         : std::numeric_limits<double>::quiet_NaN();
}

std::optional<Json> Recorder::record(double t, const gossip::Report& report) {
  using Maybe = std::optional<Json>;
  return std::visit(Overloaded{
                        [&](const gossip::TrainReport& r) -> Maybe {
                          loss_sum_ += r.stats.loss * r.steps;
                          loss_steps_ += r.steps;
                          return std::nullopt;
                        },
                        [&](const gossip::ExchangeReport&) -> Maybe {
                          ++exchanges_;
                          return std::nullopt;
                        },
                        [&](const gossip::EvaluationReport& r) -> Maybe {
                          evaluation_ = r.evaluation;
                          Json json = event("evaluation", t);
                          json["step"] = r.step;
                          json["test_loss"] = r.evaluation.loss;
                          json["test_accuracy"] = r.evaluation.accuracy;
                          return json;
                        },
                        [&](const gossip::PhaseReport& r) -> Maybe {
                          Json json = event("phase", t);
                          json["phase"] = gossip::to_string(r.phase);
                          json["message"] = r.message;
                          return json;
                        },
                        [&](const gossip::PeerReport& r) -> Maybe {
                          Json json = event("peer", t);
                          json["what"] = to_string(r.what);
                          json["peer"] = core::to_string(r.peer);
                          json["address"] = r.address;
                          json["message"] = r.message;
                          return json;
                        },
                        [&](const gossip::SaveReport& r) -> Maybe {
                          Json json = event("save", t);
                          json["step"] = r.step;
                          json["error"] = r.result ? Json(nullptr) : Json(r.result.error().message);
                          return json;
                        },
                        [&](const gossip::NoticeReport& r) -> Maybe {
                          Json json = event("notice", t);
                          json["message"] = r.message;
                          return json;
                        },
                    },
                    report);
}

Json Recorder::status(double t, const gossip::Status& status, const gossip::Counters& counters) {
  Json json = event("status", t);
  json["phase"] = gossip::to_string(status.phase);
  json["step"] = status.step;
  json["lineage"] = fmt::format("{:016x}", status.lineage);
  if (loss_steps_ > 0) json["train_loss"] = train_loss();
  if (evaluation_) {
    json["test_loss"] = evaluation_->loss;
    json["test_accuracy"] = evaluation_->accuracy;
  }
  json["exchanges"] = status.exchanges;
  json["staleness_mean"] = status.staleness_mean;
  json["spread"] = status.spread;
  json["neighbours"] = status.neighbours;
  json["bytes_sent"] = counters.bytes_sent;
  json["bytes_received"] = counters.bytes_received;
  loss_sum_ = 0;
  loss_steps_ = 0;
  return json;
}

}  // namespace murmur::apps
