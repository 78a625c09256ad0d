// crowd [PEERS [TIMES]]: so many real peers (30) on this machine, that all join through the first
// two: they start, train until each has exchanged, are asked to stop, and end, each with status 0.
// All of it so many times (once).
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>

#include "tests/apps/siege/peer_process.hpp"

namespace murmur::testing {
namespace {

using Clock = std::chrono::steady_clock;
using Peers = std::vector<std::unique_ptr<PeerProcess>>;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

constexpr std::size_t kContacts = 2;
constexpr std::size_t kWaitForMax = 255;  // --wait-for takes no more

/// None begins to train before all are there, or 10 s have passed: hundreds that train keep two
/// cores so busy that the contacts do not come to answer those that are yet to join.
std::unique_ptr<PeerProcess> start_peer(const Peers& peers, std::size_t count) {
  std::vector<std::string> flags = {"--data", "linear", "--wait-for",
                                    std::to_string(std::min(count - 1, kWaitForMax))};
  for (std::size_t i = 0; i < std::min(peers.size(), kContacts); ++i) {
    wait_until([&] { return !peers[i]->progress().address.empty() || peers[i]->ended(); });
    flags.insert(flags.end(), {"--join", peers[i]->progress().address});
  }
  return std::make_unique<PeerProcess>(flags);
}

bool run_once(std::size_t count) {
  const auto began = Clock::now();
  Peers peers;
  while (peers.size() < count) peers.push_back(start_peer(peers, count));
  const double started = seconds_since(began);
  wait_until([&] {
    return std::all_of(peers.begin(), peers.end(), [](const auto& peer) {
      return peer->ended() || peer->progress().exchanges > 0;
    });
  });
  const double mixed = seconds_since(began);
  for (const auto& peer : peers) peer->ask_to_stop();
  wait_until([&] {
    return std::all_of(peers.begin(), peers.end(), [](const auto& peer) { return peer->ended(); });
  });

  std::uint64_t exchanges = 0;
  std::size_t memory = 0;
  std::size_t bad = 0;
  for (const auto& peer : peers) {
    exchanges += peer->progress().exchanges;
    memory += peer->memory_max_mib();
    if (peer->status() == 0) continue;
    if (++bad <= 3) fmt::print("FAILED: ended with {}:\n{}", peer->status(), peer->said());
  }
  fmt::print(
      "{} peers: started after {:.1f} s, all had exchanged after {:.1f} s, all had ended after "
      "{:.1f} s; {} exchanges, {} MiB in all, {} did not end with status 0\n",
      count, started, mixed, seconds_since(began), exchanges, memory, bad);
  return bad == 0 && exchanges > 0;
}

bool read_number(const char* text, std::size_t& number) {
  const char* const end = text + std::strlen(text);
  return std::from_chars(text, end, number).ptr == end && number > 0;
}

}  // namespace
}  // namespace murmur::testing

int main(int argc, char** argv) {
  std::size_t peers = 30;
  std::size_t times = 1;
  if ((argc > 1 && !murmur::testing::read_number(argv[1], peers)) ||
      (argc > 2 && !murmur::testing::read_number(argv[2], times))) {
    fmt::print("usage: crowd [PEERS [TIMES]]\n");
    return 2;
  }
  bool good = true;
  for (std::size_t i = 0; i < times; ++i) good = murmur::testing::run_once(peers) && good;
  return good ? 0 : 1;
}
