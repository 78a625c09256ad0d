#include "apps/peer_processes.hpp"

#include <fmt/format.h>

#include <fstream>

#include "apps/earlier_run.hpp"
#include "apps/results.hpp"
#include "apps/table.hpp"

namespace murmur::apps {

namespace fs = std::filesystem;

fs::path PeerProcesses::folder(std::size_t peer) const { return peer_folder(setup_.out, peer); }

core::Result<void> PeerProcesses::start(const std::string& founder) {
  const std::size_t index = members_.size();
  const fs::path out = folder(index);
  std::error_code error;
  fs::create_directories(out, error);
  if (error) return core::fail(fmt::format("{}: cannot create: {}", out.string(), error.message()));
  // An earlier run's must not be taken for this one's if the peer does not get far.
  if (auto aside = set_earlier_results_aside(out); !aside) return aside;

  std::vector<std::string> args = {"peer"};
  args.insert(args.end(), setup_.args.begin(), setup_.args.end());
  args.push_back(fmt::format("--part={}/{}", index, setup_.peers));
  args.push_back("--out=" + out.string());
  if (!setup_.state.empty()) {
    args.push_back("--state=" + peer_folder(setup_.state, index).string());
  }
  if (founder.empty()) {
    args.insert(args.end(), setup_.founder_args.begin(), setup_.founder_args.end());
  } else if (!setup_.apart) {
    args.push_back("--join=" + founder);
  }
  auto child = Child::start(args, out / "log");
  if (!child) return tl::make_unexpected(child.error());
  const pid_t pid = child->pid();
  members_.push_back({std::move(*child), Tail(out / "metrics.jsonl", pid)});
  return {};
}

core::Result<bool> PeerProcesses::tick() {
  if (members_.empty() && stop_level_ == 0) {
    if (auto started = start(""); !started) return tl::make_unexpected(started.error());
  }
  bool any = false;
  for (Member& member : members_) {
    member.running = member.child.running();  // before its last lines are read
    member.tail.poll();
    any = any || member.running;
  }
  const bool all_started = members_.size() == setup_.peers || !start_failure_.empty();
  if (stop_level_ > 0 || all_started) return any;
  const std::string founder = members_[0].tail.progress().address;
  if (founder.empty()) return any;  // it is still starting, or has failed to
  while (members_.size() < setup_.peers) {
    if (auto started = start(founder); !started) {
      start_failure_ = started.error().message;  // those that run go on
      break;
    }
  }
  return true;
}

void PeerProcesses::stop(int level) {
  if (level <= stop_level_) return;
  stop_level_ = level;
  for (const Member& member : members_) member.child.stop(level);
}

std::string PeerProcesses::table() const {
  Table table(
      {"peer", "doing", "step", "loss", "test", "exchanges", "staleness", "spread", "KB/s"});
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const Member& member = members_[i];
    const PeerProgress& p = member.tail.progress();
    const std::string phase = p.phase.empty() ? "starting" : p.phase;
    table.add({fmt::format("{} {}", i, p.id.substr(0, 4)),
               member.running ? phase : member.child.how_it_ended(), fmt::format("{}", p.step),
               loss_cell(p.train_loss), percent_cell(p.test_accuracy, 1),
               fmt::format("{}", p.exchanges), plain_cell(p.staleness_mean, 1),
               small_cell(p.spread), member.running ? plain_cell(p.kilobytes_per_second, 0) : "-"});
  }
  return table.text();
}

std::optional<PeerSummary> PeerProcesses::summary(std::size_t peer) const {
  const auto json = read_json(folder(peer) / kSummaryName);
  if (!json || !json->is_object() || !json->contains("peers") || (*json)["peers"].size() != 1) {
    return std::nullopt;
  }
  const auto summary = parse_peer_summary((*json)["peers"][0]);
  return summary ? std::optional(*summary) : std::nullopt;
}

PeerSummary PeerProcesses::last_known(std::size_t peer) const {
  const PeerProgress& p = members_[peer].tail.progress();
  return {p.id, p.step, p.test_accuracy, p.test_loss, p.exchanges, p.staleness_mean, p.seconds};
}

std::string PeerProcesses::last_words(std::size_t peer) const {
  std::ifstream log(folder(peer) / "log");
  std::string last;
  for (std::string line; std::getline(log, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

}  // namespace murmur::apps
