// What goes wrong in a simulated run. The plan is drawn, or written by hand, before the run, so a
// failing run can be shrunk by striking entries from it: each kind of fault draws from random
// streams of its own, so striking one moves no other.
// Thread rule: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"
#include "sim/distribution.hpp"

namespace murmur::sim {

/// Everything this peer computes takes `factor` times as long. Written "PEER:FACTOR", "5:10".
struct Straggler {
  std::size_t peer = 0;
  double factor = 1;
  friend bool operator==(const Straggler&, const Straggler&) = default;
};

/// The peer's process is killed `at` and, if `restart_after` is given, started again that much
/// later: from its last checkpoint; or (starts_old) from a backup of its state folder, boot count
/// and all, as it was left by the crash so many before this one (of those that lead to the state it
/// has now); or (keep_state false) empty, as
/// another PeerId at the same address; or (founds) so and with nobody to join, so that it draws
/// parameters anew. Written "PEER@AT", "PEER@AT+RESTART", and then ":backup" (one start old),
/// ":backup5", ":empty" or ":founder".
struct Crash {
  std::size_t peer = 0;
  core::Duration at{0};
  std::optional<core::Duration> restart_after;
  bool keep_state = true;
  bool founds = false;
  std::uint32_t starts_old = 0;
  friend bool operator==(const Crash&, const Crash&) = default;
};

/// Messages sent between two sides of the network are lost for a while. Written "START+LENGTH" and
/// optionally ":halves" (the default), ":one-way" or ":all": "10s+10s".
struct Cut {
  enum class Shape : std::uint8_t {
    kHalves,  ///< the peers below peers / 2 from the others
    kOneWay,  ///< only from the lower half to the upper
    kAll,     ///< every link
  };
  core::Duration start{0};
  core::Duration length{0};
  Shape shape = Shape::kHalves;
  friend bool operator==(const Cut&, const Cut&) = default;
};

/// The peer's user asks it to end; asked twice, to end at once. Written "PEER@AT".
struct StopAsked {
  std::size_t peer = 0;
  core::Duration at{0};
  friend bool operator==(const StopAsked&, const StopAsked&) = default;
};

/// From then on the peer's training gives NaN, until it is started again. Written "PEER@AT".
struct Divergence {
  std::size_t peer = 0;
  core::Duration at{0};
  friend bool operator==(const Divergence&, const Divergence&) = default;
};

/// The peer draws parameters too, as it has nobody to join at its start. Written "PEER".
struct Founder {
  std::size_t peer = 0;
  friend bool operator==(const Founder&, const Founder&) = default;
};

/// A second process starts on another machine from a copy of the peer's state folder, while the
/// peer goes on among neighbours that know it, and is killed LENGTH later, or when the peer has
/// settled. Written "PEER@AT+LENGTH".
struct Twin {
  std::size_t peer = 0;
  core::Duration at{0};
  core::Duration length{0};
  friend bool operator==(const Twin&, const Twin&) = default;
};

struct FaultPlan {
  double loss = 0;       ///< of messages, in [0, 1]
  double duplicate = 0;  ///< of messages, in [0, 1]; the copy draws its own delay
  double corrupt = 0;    ///< of messages, in [0, 1]; one bit flipped, or the end cut off
  /// From sending to arrival, drawn for each message: so a random one reorders.
  Distribution delay = Distribution::constant(std::chrono::microseconds(200));
  double save_fails = 0;  ///< of checkpoints, in [0, 1]: they cannot be written
  double torn = 0;        ///< of crashes, in [0, 1]: the newest checkpoint is found torn
  /// Messages sent from here on are neither lost, duplicated nor corrupted, and what is saved is
  /// written; 0: it never ends.
  core::Duration calm_from{0};
  double bandwidth = 0;  ///< bytes per second that each peer can send; 0: no limit
  std::vector<Straggler> stragglers;
  std::vector<Crash> crashes;
  std::vector<Cut> cuts;
  std::vector<StopAsked> stops;
  std::vector<Divergence> divergences;
  std::vector<Founder> founders;  ///< beside peer 0
  std::vector<Twin> twins;
  friend bool operator==(const FaultPlan&, const FaultPlan&) = default;
};

core::Result<Straggler> parse_straggler(std::string_view text);
core::Result<Crash> parse_crash(std::string_view text);
core::Result<Cut> parse_cut(std::string_view text);
core::Result<StopAsked> parse_stop(std::string_view text);
core::Result<Divergence> parse_divergence(std::string_view text);
core::Result<Founder> parse_founder(std::string_view text);
core::Result<Twin> parse_twin(std::string_view text);
std::string to_string(const Straggler& straggler);
std::string to_string(const Crash& crash);
std::string to_string(const Cut& cut);
std::string to_string(const StopAsked& stop);
std::string to_string(const Divergence& divergence);
std::string to_string(const Founder& founder);
std::string to_string(const Twin& twin);

/// Error: a probability outside [0, 1], a peer that does not exist, a factor that is not positive,
/// a peer that is killed while it is down, a backup older than its state folder, or a twin where
/// somebody cannot know the peer.
core::Result<void> check_plan(const FaultPlan& plan, std::size_t peers);

inline bool is_calm(const FaultPlan& plan, core::Duration now) {
  return plan.calm_from.count() > 0 && now >= plan.calm_from;
}

/// When the last fault is over: cuts healed, crashed peers started again, others ended, messages no
/// longer lost or changed, disks mended (the longest Duration if they always may be). Delays and
/// stragglers do not count.
core::Duration quiet_from(const FaultPlan& plan);

/// The plan as `murmur sim` takes it, all of it: "--loss 0.2 --delay exp:50ms --crash 3@5s+2s ...".
std::string to_flags(const FaultPlan& plan);

}  // namespace murmur::sim
