#include "sim/faults.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/duration.hpp"

namespace murmur::sim {
namespace {

constexpr std::string_view kBackup = "backup";
/// So long after the start of a fleet all know each other.
constexpr core::Duration kAllMet = std::chrono::seconds(2);
/// So long after a cut or a start all know each other again.
constexpr core::Duration kKnownAgain = std::chrono::seconds(10);

std::optional<std::size_t> parse_index(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "HEAD:TAIL" cut at the last colon; the tail is empty without one.
std::pair<std::string_view, std::string_view> split_option(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

/// "PEER@AT", of a `what`.
template <class T>
core::Result<T> parse_peer_at(std::string_view what, std::string_view text) {
  const std::size_t at_sign = text.find('@');
  const auto peer = parse_index(text.substr(0, at_sign));
  const auto at = core::parse_duration(
      at_sign == std::string_view::npos ? std::string_view() : text.substr(at_sign + 1));
  if (!peer || !at) {
    return core::fail(fmt::format("{} '{}': expected PEER@AT, as 3@5s", what, text));
  }
  T fault;
  fault.peer = *peer;
  fault.at = *at;
  return fault;
}

}  // namespace

core::Result<Straggler> parse_straggler(std::string_view text) {
  const auto [head, tail] = split_option(text);
  const auto peer = parse_index(head);
  double factor = 0;
  const auto [end, error] = std::from_chars(tail.data(), tail.data() + tail.size(), factor);
  if (!peer || error != std::errc() || end != tail.data() + tail.size() ||
      !(factor > 0 && factor <= 1e6)) {
    return core::fail(
        fmt::format("straggler '{}': expected PEER:FACTOR with a positive factor, as 5:10", text));
  }
  return Straggler{*peer, factor};
}

core::Result<Crash> parse_crash(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return core::fail(
        fmt::format("crash '{}': {}; expected PEER@AT, PEER@AT+RESTART, then :backup[STARTS], "
                    ":empty or :founder, "
                    "as 3@5s+2s",
                    text, why));
  };
  auto [head, tail] = split_option(text);
  std::optional<std::uint32_t> starts_old = 0;
  if (tail.starts_with(kBackup)) {
    const std::string_view starts = tail.substr(kBackup.size());
    starts_old = starts.empty() ? 1 : parse_index(starts);
    if (!starts_old || *starts_old == 0) return bad("no number of starts");
  } else if (!tail.empty() && tail != "empty" && tail != "founder") {
    return bad("unknown option");
  }
  const std::size_t at_sign = head.find('@');
  if (at_sign == std::string_view::npos) return bad("no @");
  const auto peer = parse_index(head.substr(0, at_sign));
  if (!peer) return bad("no peer number");
  const bool keeps_state = tail.empty() || *starts_old > 0;
  Crash crash{*peer, {}, std::nullopt, keeps_state, tail == "founder", *starts_old};
  std::string_view times = head.substr(at_sign + 1);
  const std::size_t plus = times.find('+');
  if (plus != std::string_view::npos) {
    const auto restart = core::parse_duration(times.substr(plus + 1));
    if (!restart) return bad(restart.error().message);
    crash.restart_after = *restart;
    times = times.substr(0, plus);
  } else if (!tail.empty()) {
    return bad(fmt::format("{} without a restart", tail));
  }
  const auto at = core::parse_duration(times);
  if (!at) return bad(at.error().message);
  crash.at = *at;
  return crash;
}

core::Result<Cut> parse_cut(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return core::fail(fmt::format(
        "cut '{}': {}; expected START+LENGTH, then :halves, :one-way or :all, as 10s+10s", text,
        why));
  };
  const auto [times, shape] = split_option(text);
  Cut cut;
  if (shape == "one-way") {
    cut.shape = Cut::Shape::kOneWay;
  } else if (shape == "all") {
    cut.shape = Cut::Shape::kAll;
  } else if (!shape.empty() && shape != "halves") {
    return bad("unknown shape");
  }
  const std::size_t plus = times.find('+');
  if (plus == std::string_view::npos) return bad("no length");
  const auto start = core::parse_duration(times.substr(0, plus));
  const auto length = core::parse_duration(times.substr(plus + 1));
  if (!start) return bad(start.error().message);
  if (!length) return bad(length.error().message);
  cut.start = *start;
  cut.length = *length;
  return cut;
}

core::Result<StopAsked> parse_stop(std::string_view text) {
  return parse_peer_at<StopAsked>("stop", text);
}

core::Result<Divergence> parse_divergence(std::string_view text) {
  return parse_peer_at<Divergence>("nan", text);
}

std::string to_string(const Straggler& straggler) {
  return fmt::format("{}:{}", straggler.peer, straggler.factor);
}

std::string to_string(const Crash& crash) {
  std::string text = fmt::format("{}@{}", crash.peer, core::to_string(crash.at));
  if (crash.restart_after) text += "+" + core::to_string(*crash.restart_after);
  if (!crash.keep_state) text += crash.founds ? ":founder" : ":empty";
  if (crash.starts_old > 0) text += fmt::format(":{}", kBackup);
  if (crash.starts_old > 1) text += fmt::format("{}", crash.starts_old);
  return text;
}

std::string to_string(const Cut& cut) {
  std::string text = fmt::format("{}+{}", core::to_string(cut.start), core::to_string(cut.length));
  if (cut.shape == Cut::Shape::kOneWay) text += ":one-way";
  if (cut.shape == Cut::Shape::kAll) text += ":all";
  return text;
}

std::string to_string(const StopAsked& stop) {
  return fmt::format("{}@{}", stop.peer, core::to_string(stop.at));
}

std::string to_string(const Divergence& divergence) {
  return fmt::format("{}@{}", divergence.peer, core::to_string(divergence.at));
}

core::Result<Founder> parse_founder(std::string_view text) {
  const auto peer = parse_index(text);
  if (!peer) return core::fail(fmt::format("founder '{}': expected a peer's number", text));
  return Founder{*peer};
}

core::Result<Twin> parse_twin(std::string_view text) {
  const std::size_t plus = text.find('+');
  const auto twin = parse_peer_at<Twin>("twin", text.substr(0, plus));
  const auto length = core::parse_duration(plus == std::string_view::npos ? std::string_view()
                                                                          : text.substr(plus + 1));
  if (!twin || !length) {
    return core::fail(fmt::format("twin '{}': expected PEER@AT+LENGTH, as 3@5s+2s", text));
  }
  return Twin{twin->peer, twin->at, *length};
}

std::string to_string(const Twin& twin) {
  return fmt::format("{}@{}+{}", twin.peer, core::to_string(twin.at), core::to_string(twin.length));
}

std::string to_string(const Founder& founder) { return fmt::format("{}", founder.peer); }

core::Result<void> check_plan(const FaultPlan& plan, std::size_t peers) {
  const auto fail = [](std::string message) { return core::fail(std::move(message)); };
  const auto probability = [](double p) { return p >= 0 && p <= 1; };
  if (!probability(plan.loss)) return fail(fmt::format("loss {} is outside 0 to 1", plan.loss));
  if (!probability(plan.duplicate)) {
    return fail(fmt::format("duplicate {} is outside 0 to 1", plan.duplicate));
  }
  if (!probability(plan.corrupt)) {
    return fail(fmt::format("corrupt {} is outside 0 to 1", plan.corrupt));
  }
  if (!probability(plan.save_fails)) {
    return fail(fmt::format("save-fails {} is outside 0 to 1", plan.save_fails));
  }
  if (!probability(plan.torn)) return fail(fmt::format("torn {} is outside 0 to 1", plan.torn));
  if (!(plan.bandwidth >= 0))
    return fail(fmt::format("bandwidth {} B/s is negative", plan.bandwidth));
  for (const Straggler& straggler : plan.stragglers) {
    if (straggler.peer >= peers) {
      return fail(
          fmt::format("straggler {}: there are peers 0 to {}", to_string(straggler), peers - 1));
    }
    if (!(straggler.factor > 0)) {
      return fail(fmt::format("straggler {}: the factor must be positive", to_string(straggler)));
    }
  }
  const auto check_peer = [&](std::string_view what, const auto& fault) -> core::Result<void> {
    if (fault.peer < peers) return {};
    return core::fail(
        fmt::format("{} {}: there are peers 0 to {}", what, to_string(fault), peers - 1));
  };
  for (const StopAsked& stop : plan.stops) {
    if (auto ok = check_peer("stop", stop); !ok) return ok;
  }
  for (const Divergence& divergence : plan.divergences) {
    if (auto ok = check_peer("nan", divergence); !ok) return ok;
  }
  for (const Founder& founder : plan.founders) {
    if (auto ok = check_peer("founder", founder); !ok) return ok;
  }
  for (const Twin& twin : plan.twins) {
    if (auto ok = check_peer("twin", twin); !ok) return ok;
    if (twin.at < kAllMet) {
      return fail(fmt::format("twin {}: before {}, when not all know the peer yet", to_string(twin),
                              core::to_string(kAllMet)));
    }
    const core::Duration end = twin.at + twin.length;
    const auto refuse = [&](std::string_view what, const std::string& fault) {
      return core::fail(
          fmt::format("twin {}: not with {} {}, which leaves neighbours that cannot "
                      "tell the two apart",
                      to_string(twin), what, fault));
    };
    for (const Crash& crash : plan.crashes) {
      const bool over = crash.peer != twin.peer && crash.restart_after &&
                        crash.at + *crash.restart_after + kKnownAgain < twin.at;
      if (crash.at <= end && !over) return refuse("crash", to_string(crash));
    }
    for (const Cut& cut : plan.cuts) {
      if (cut.start <= end && cut.start + cut.length + kKnownAgain >= twin.at)
        return refuse("cut", to_string(cut));
    }
    for (const StopAsked& stop : plan.stops) {
      if (stop.peer == twin.peer && stop.at <= end) return refuse("stop", to_string(stop));
    }
  }
  std::vector<Crash> crashes = plan.crashes;
  std::stable_sort(crashes.begin(), crashes.end(),
                   [](const Crash& a, const Crash& b) { return a.at < b.at; });
  for (std::size_t i = 0; i < crashes.size(); ++i) {
    const Crash& crash = crashes[i];
    if (crash.peer >= peers) {
      return fail(fmt::format("crash {}: there are peers 0 to {}", to_string(crash), peers - 1));
    }
    std::uint32_t copies = 0;
    for (std::size_t j = 0; j < i; ++j) {
      const Crash& before = crashes[j];
      if (before.peer == crash.peer) {
        copies = before.keep_state ? copies + 1 - before.starts_old : 0;
      }
      if (before.peer == crash.peer &&
          (!before.restart_after || before.at + *before.restart_after >= crash.at)) {
        return fail(fmt::format("crash {}: the peer is still down from crash {}", to_string(crash),
                                to_string(before)));
      }
    }
    if (crash.starts_old > copies) {
      return fail(fmt::format("crash {}: its state folder has {} starts behind it",
                              to_string(crash), copies));
    }
  }
  return {};
}

core::Duration quiet_from(const FaultPlan& plan) {
  core::Duration quiet{0};
  if (plan.loss > 0 || plan.corrupt > 0 || plan.save_fails > 0) {
    quiet = plan.calm_from.count() > 0 ? plan.calm_from : core::Duration::max();
  }
  for (const Cut& cut : plan.cuts) quiet = std::max(quiet, cut.start + cut.length);
  for (const Crash& crash : plan.crashes) {
    quiet = std::max(quiet, crash.at + crash.restart_after.value_or(core::Duration{0}));
  }
  for (const StopAsked& stop : plan.stops) quiet = std::max(quiet, stop.at);
  for (const Twin& twin : plan.twins) quiet = std::max(quiet, twin.at + twin.length);
  for (const Divergence& divergence : plan.divergences) quiet = std::max(quiet, divergence.at);
  return quiet;
}

std::string to_flags(const FaultPlan& plan) {
  std::string flags;
  const auto add = [&](std::string_view name, const std::string& value) {
    flags += fmt::format("{}--{} {}", flags.empty() ? "" : " ", name, value);
  };
  if (plan.loss > 0) add("loss", fmt::format("{}", plan.loss));
  if (plan.duplicate > 0) add("duplicate", fmt::format("{}", plan.duplicate));
  if (plan.corrupt > 0) add("corrupt", fmt::format("{}", plan.corrupt));
  if (plan.save_fails > 0) add("save-fails", fmt::format("{}", plan.save_fails));
  if (plan.torn > 0) add("torn", fmt::format("{}", plan.torn));
  if (plan.calm_from.count() > 0) add("calm-from", core::to_string(plan.calm_from));
  add("delay", to_string(plan.delay));
  if (plan.bandwidth > 0) add("bandwidth", fmt::format("{}", plan.bandwidth));
  for (const Straggler& straggler : plan.stragglers) add("straggler", to_string(straggler));
  for (const Crash& crash : plan.crashes) add("crash", to_string(crash));
  for (const Cut& cut : plan.cuts) add("cut", to_string(cut));
  for (const StopAsked& stop : plan.stops) add("stop", to_string(stop));
  for (const Divergence& divergence : plan.divergences) add("nan", to_string(divergence));
  for (const Founder& founder : plan.founders) add("founder", to_string(founder));
  for (const Twin& twin : plan.twins) add("twin", to_string(twin));
  return flags;
}

}  // namespace murmur::sim
