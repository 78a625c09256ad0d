#include "tests/house/rules.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "tests/house/source_text.hpp"

namespace murmur::house {
namespace {

using Names = std::set<std::string, std::less<>>;

const std::map<std::string, Names, std::less<>> kMayUse = {
    {"core", {"core"}},
    {"gossip", {"gossip", "core"}},
    {"gpu", {"gpu", "core"}},
    {"net", {"net", "gossip", "core"}},
    {"sim", {"sim", "gossip", "core"}},
    {"apps", {"apps", "net", "sim", "gpu", "gossip", "core"}},
};

const Names kImpureHeaders = {
    "ctime",    "time.h",        "sys/time.h",         "thread",       "mutex",
    "future",   "shared_mutex",  "condition_variable", "semaphore",    "latch",
    "barrier",  "stop_token",    "pthread.h",          "signal.h",     "csignal",
    "random",   "unordered_map", "unordered_set",      "netdb.h",      "sys/socket.h",
    "poll.h",   "sys/epoll.h",   "sys/eventfd.h",      "sys/random.h", "netinet/in.h",
    "zmq.h",    "zmq.hpp",       "arpa/inet.h",        "omp.h",        "netinet/tcp.h",
    "ifaddrs.h"};

const Names kImpureWords = {"system_clock",
                            "steady_clock",
                            "high_resolution_clock",
                            "clock_gettime",
                            "gettimeofday",
                            "sleep_for",
                            "sleep_until",
                            "nanosleep",
                            "usleep",
                            "thread",
                            "jthread",
                            "async",
                            "mutex",
                            "shared_mutex",
                            "lock_guard",
                            "unique_lock",
                            "scoped_lock",
                            "condition_variable",
                            "pthread_create",
                            "socket",
                            "random_device",
                            "mt19937",
                            "mt19937_64",
                            "rand",
                            "srand",
                            "getrandom",
                            "getenv",
                            "secure_getenv",
                            "unordered_map",
                            "unordered_set",
                            "unordered_multimap",
                            "unordered_multiset"};

const Names kFileHeaders = {"fstream", "fcntl.h", "sys/mman.h", "sys/file.h", "cstdio", "stdio.h"};
const Names kFileWords = {"ifstream", "ofstream", "fstream", "fopen", "gzopen", "mmap", "openat"};

/// Files may be opened in these: all reading and replacing of whole files, and the lock on a state
/// directory. core/check.hpp prints to stderr before it stops the program.
const Names kFileOpeners = {"core/file_io.cpp", "core/file_storage.cpp", "core/check.hpp"};

/// The one thing of core/ that threads share: used buffers come home from whichever thread drops
/// the last reference.
const Names kSharedByThreads = {"core/bytes.hpp", "core/bytes.cpp"};
const Names kLockWords = {"mutex", "lock_guard"};

std::string folder_of(std::string_view path) { return std::string(path.substr(0, path.find('/'))); }

}  // namespace

std::vector<std::string> wrong_arrows(std::string_view path, std::string_view source) {
  const std::string folder = folder_of(path);
  const auto& allowed = kMayUse.at(folder);
  std::vector<std::string> wrong;
  for (const Include& include : includes_of(source)) {
    const std::string target = folder_of(include.name);
    const bool ours = include.quoted || kMayUse.contains(target);
    if (!ours || (include.quoted && allowed.contains(target) && include.name != target)) continue;
    wrong.push_back(std::string(path) + " includes " + include.name + ": " + folder +
                    "/ may include only its own and lower folders, as \"folder/file.hpp\"");
  }
  return wrong;
}

std::vector<std::string> wrong_links(std::string_view path, std::string_view cmake) {
  const std::string folder = folder_of(path);
  const auto& allowed = kMayUse.at(folder);
  std::vector<std::string> wrong;
  for (const auto& [other, _] : kMayUse) {
    if (!allowed.contains(other) && cmake.find("murmur_" + other) != std::string_view::npos) {
      wrong.push_back(std::string(path) + " names murmur_" + other);
    }
  }
  return wrong;
}

std::vector<std::string> impurities(std::string_view path, std::string_view source) {
  const bool may_lock = kSharedByThreads.contains(path);
  const bool may_open = kFileOpeners.contains(path);
  std::vector<std::string> wrong;
  const auto complain = [&](const std::string& what) {
    wrong.push_back(std::string(path) + " uses " + what);
  };
  for (const Include& include : includes_of(source)) {
    const bool locks = kLockWords.contains(include.name);
    if (kImpureHeaders.contains(include.name) && !(may_lock && locks)) complain(include.name);
    if (kFileHeaders.contains(include.name) && !may_open) complain(include.name);
  }
  for (const std::string& word : identifiers_of(source)) {
    if (kImpureWords.contains(word) && !(may_lock && kLockWords.contains(word))) complain(word);
    if (kFileWords.contains(word) && !may_open) complain(word);
  }
  return wrong;
}

std::vector<std::string> headless(std::string_view path, std::string_view source) {
  std::vector<std::string> wrong;
  if (!source.starts_with("// "))
    wrong.push_back(std::string(path) + " does not open with its purpose");
  if (source.find("#pragma once") == std::string_view::npos) {
    wrong.push_back(std::string(path) + " lacks #pragma once");
  }
  return wrong;
}

}  // namespace murmur::house
