// Shell: what the parts of a machine share: who this peer is, the time of the event being handled,
// chance, the counters, the timers, and the effects going out.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "core/ids.hpp"
#include "core/rng.hpp"
#include "core/schema.hpp"
#include "core/storage.hpp"
#include "core/time.hpp"
#include "gossip/config.hpp"
#include "gossip/counters.hpp"
#include "gossip/effects.hpp"
#include "gossip/lineages.hpp"
#include "gossip/report_limit.hpp"
#include "gossip/timers.hpp"
#include "gossip/wire.hpp"

namespace murmur::gossip {

struct Shell {
  core::Identity self;
  Config config;
  const core::Schema& schema;
  std::uint64_t schema_hash;
  core::Rng rng;
  core::Instant now;
  Phase phase = Phase::kJoining;
  std::uint64_t step = 0;  ///< the model's age
  Lineages lineages = {};
  std::uint64_t process = 0;  ///< random: two processes of one identity differ in it
  Counters counters = {};
  Timers timers = {};
  std::deque<Effect> effects = {};
  ReportLimit report_limit = {};
  std::optional<std::string> failure = std::nullopt;  ///< why the run comes to nothing
  std::optional<Reject> rejected = std::nullopt;      ///< the message being handled, and why

  void reject(Reject reason) {
    ++counters.rejected[static_cast<std::size_t>(reason)];
    rejected = reason;
  }

  /// The run ends as soon as the lane is free, and nothing of the replica leaves or is kept. The
  /// first reason stands.
  void fail(std::string why) {
    if (!failure) failure = std::move(why);
  }

  void send(const Address& to, core::PeerId dst, core::Boot dst_boot, const wire::Body& body,
            core::Payload payload = nullptr) {
    wire::Header header;
    header.phase = phase;
    header.schema = schema_hash;
    header.swarm = config.swarm;
    header.lineage = lineages.own();
    header.src = self.id;
    header.src_boot = self.boot;
    header.dst = dst;
    header.dst_boot = dst_boot;
    header.step = step;
    header.payload_size = static_cast<std::uint32_t>(payload ? payload->size() : 0);
    core::Bytes head = wire::encode(header, body, core::view(payload));
    ++counters.messages_sent;
    counters.bytes_sent += head.size() + header.payload_size;
    const bool greets =
        std::holds_alternative<wire::Hello>(body) || std::holds_alternative<wire::Refuse>(body);
    effects.emplace_back(std::in_place_type<Send>, to, dst, greets, std::move(head),
                         std::move(payload));
  }

  template <class T>
  void report(T record) {
    effects.emplace_back(std::in_place_type<Report>, std::in_place_type<T>, std::move(record));
  }

  void report(PeerReport record) {
    // Every link may come, fall silent, come back and go, once a minute.
    if (!report_limit.allows(now, record, 4.0 * static_cast<double>(config.links_max))) return;
    effects.emplace_back(std::in_place_type<Report>, std::move(record));
  }

  /// `d` and up to a quarter more, so that retries do not march in step.
  core::Duration jitter(core::Duration d) {
    return d + core::Duration(static_cast<core::Duration::rep>(static_cast<double>(d.count()) *
                                                               0.25 * rng.uniform()));
  }

  /// The next of a series of retry delays that double up to retry_max.
  core::Duration back_off(core::Duration& delay) {
    delay = delay == core::Duration{0} ? config.retry : std::min(2 * delay, config.retry_max);
    return jitter(delay);
  }
};

}  // namespace murmur::gossip
