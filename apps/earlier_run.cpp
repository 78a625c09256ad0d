#include "apps/earlier_run.hpp"

#include <fmt/format.h>

#include <fstream>
#include <string>

namespace murmur::apps {

namespace fs = std::filesystem;

namespace {

/// A run that had none, as it found nobody to join, may be tried again: it lost nothing.
bool has_evaluation(const fs::path& metrics) {
  std::ifstream file(metrics);
  for (std::string line; std::getline(file, line);) {
    if (line.find(R"("event":"evaluation")") != std::string::npos) return true;
  }
  return false;
}

}  // namespace

core::Result<void> check_no_earlier_run(const fs::path& out, const fs::path& state) {
  std::error_code ignored;
  if (out.empty() || (!state.empty() && fs::exists(state / "identity.json", ignored))) return {};
  const auto refuse = [&out](const char* name) {
    return core::fail(fmt::format("{} is of an earlier run; give another --out, or remove it",
                                  (out / name).string()));
  };
  if (fs::exists(out / "summary.json", ignored)) return refuse("summary.json");
  if (has_evaluation(out / "metrics.jsonl")) return refuse("metrics.jsonl");
  return {};
}

core::Result<void> check_no_earlier_runs(const fs::path& out, const fs::path& state,
                                         std::size_t peers) {
  if (out.empty()) return {};
  const auto state_of = [&state](std::size_t peer) {
    return state.empty() ? fs::path() : peer_folder(state, peer);
  };
  if (auto none = check_no_earlier_run(out, state_of(0)); !none) return none;
  for (std::size_t i = 0; i < peers; ++i) {
    if (auto none = check_no_earlier_run(peer_folder(out, i), state_of(i)); !none) return none;
  }
  return {};
}

fs::path peer_folder(const fs::path& dir, std::size_t peer) {
  return dir / fmt::format("peer-{}", peer);
}

}  // namespace murmur::apps
