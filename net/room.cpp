#include "net/room.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <system_error>
#include <thread>
#include <vector>

namespace murmur::net {
namespace {

/// Descriptors for all but connections: ZeroMQ's own and the streams are 12, the rest is for files.
constexpr std::size_t kReserve = 32;
/// Of a neighbour: the connection to it takes two, the one from it another.
constexpr std::size_t kOfNeighbour = 3;
/// And of a connection that is watched.
constexpr std::size_t kOfMonitor = 2;
constexpr std::size_t kNeighboursMin = 8;
/// ZeroMQ starts two, and a compute lane is one.
constexpr int kThreads = 3;

/// Where these can be started, those that come next find what these leave behind.
core::Result<void> try_threads() {
  std::vector<std::thread> threads;
  core::Result<void> result;
  try {
    for (int i = 0; i < kThreads; ++i) threads.emplace_back([] {});
  } catch (const std::system_error& error) {
    result =
        core::fail(fmt::format("cannot start {} threads: {}", kThreads, error.code().message()));
  }
  for (std::thread& thread : threads) thread.join();
  return result;
}

}  // namespace

core::Result<std::size_t> room_for_connections(std::size_t wanted, bool watched) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = raised.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  const std::size_t each = kOfNeighbour + (watched ? kOfMonitor : 0);
  const std::size_t least = kReserve + kNeighboursMin * each;
  const std::size_t descriptors = limit.rlim_cur;
  if (descriptors < least) {
    return core::fail(
        fmt::format("this process may open {} descriptors, < {} (ulimit -n)", descriptors, least));
  }
  if (auto tried = try_threads(); !tried) return tl::make_unexpected(tried.error());
  return std::min(wanted, (descriptors - kReserve) / each);
}

}  // namespace murmur::net
