#include "apps/narrator.hpp"

#include <fmt/format.h>

#include <cmath>

#include "apps/console.hpp"
#include "apps/table.hpp"
#include "core/ids.hpp"

namespace murmur::apps {
namespace {

std::string in_words(const gossip::PeerReport& report) {
  using What = gossip::PeerReport::What;
  const std::string name = core::short_name(report.peer);
  const std::string who = report.address.empty() ? name : name + " " + report.address;
  switch (report.what) {
    case What::kRefused:
      return fmt::format("this peer refuses {}: {}", who, report.message);
    case What::kRefusedUs:
      return fmt::format("{} refuses this peer: {}", who, report.message);
    default:
      return fmt::format("{} {}{}{}", who, to_string(report.what),
                         report.message.empty() ? "" : ": ", report.message);
  }
}

}  // namespace

void Narrator::say(double t, const gossip::Report& report) {
  if (const auto* peer = std::get_if<gossip::PeerReport>(&report)) {
    limited(t, neighbours_, in_words(*peer));
  } else if (const auto* phase = std::get_if<gossip::PhaseReport>(&report)) {
    print(t, fmt::format("{}{}{}", gossip::to_string(phase->phase),
                         phase->message.empty() ? "" : ": ", phase->message));
  } else if (const auto* save = std::get_if<gossip::SaveReport>(&report);
             save != nullptr && !save->result) {
    limited(t, own_, "cannot save: " + save->result.error().message);
  } else if (const auto* notice = std::get_if<gossip::NoticeReport>(&report)) {
    limited(t, own_, notice->message);
  }
}

void Narrator::say(double t, const gossip::Status& status, const Recorder& recorder) {
  if (!status_.due(t)) return;
  if (status.phase == gossip::Phase::kJoining) {
    return print(t, "looking for a peer to copy the parameters from");
  }
  std::string line =
      fmt::format("step {}  train loss {}", status.step, loss_cell(recorder.train_loss()));
  if (const auto& test = recorder.evaluation()) {
    line += fmt::format("  test loss {:.4f}", test->loss);
    if (std::isfinite(test->accuracy)) line += fmt::format(" ({:.1f} %)", 100 * test->accuracy);
  }
  print(t, fmt::format("{}  {} neighbours, {} exchanges, staleness {}, spread {}", line,
                       status.neighbours, status.exchanges, plain_cell(status.staleness_mean, 1),
                       small_cell(status.spread)));
}

void Narrator::print(double t, const std::string& text) {
  write_(fmt::format("{:8.1f} s  {}\n", t, one_line(text)));
}

void Narrator::limited(double t, Allowance& allowance, const std::string& text) {
  if (!allowance.take(t)) return;
  if (const auto left_out = allowance.take_left_out(); left_out > 0) {
    print(t, fmt::format("... {} lines like the next left out", left_out));
  }
  print(t, text);
}

}  // namespace murmur::apps
