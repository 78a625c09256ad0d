#include "gossip/machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/check.hpp"
#include "gossip/conduct.hpp"
#include "gossip/donor.hpp"
#include "gossip/exchange.hpp"
#include "gossip/links.hpp"
#include "gossip/run.hpp"
#include "gossip/saved_state.hpp"
#include "gossip/state_copy.hpp"

namespace murmur::gossip {
namespace {

constexpr std::size_t kPayloadMin = std::size_t{1}
                                    << 20;  // a donor may send larger chunks than we do

std::size_t payload_max(const core::Schema& schema, const Config& config) {
  std::size_t largest = std::max(kPayloadMin, config.state_chunk);
  if (schema.shards() > 0) {
    largest = std::max(largest, core::encoded_size(core::Codec::kFp32, schema.shard(0).size));
  }
  return largest;
}

}  // namespace

/// The parts of a machine and the messages' way to them.
class Machine::Core {
 public:
  Core(core::Instant now, core::Identity self, const Config& config, const core::Schema& schema,
       core::Rng rng, std::optional<core::ByteView> saved)
      : shell{self, config, schema, schema.hash(), rng, now},
        conduct(shell.config),
        links(shell, edges),
        exchange(shell, links, edges),
        copy(shell, links),
        donor(shell, links),
        run(shell, links, exchange, copy, donor, edges),
        payload_max_(payload_max(schema, config)) {
    std::vector<wire::Member> known;
    std::uint64_t adopted = 0;
    if (saved) {
      auto restored = read_saved_state(*saved, self, shell.schema_hash);
      CHECK_INVARIANT(restored.has_value());
      edges = std::move(restored->edges);
      known = std::move(restored->known);
      shell.step = restored->step;
      shell.lineages = restored->lineages;
      adopted = restored->step_adopted;
    }
    shell.process = shell.rng.next() | 1;
    if (config.rule != Rule::kNone) links.start(known);
    run.start(saved.has_value(), adopted);
    run.advance();
  }

  void handle(Received& received) {
    if (shell.phase == Phase::kDone) return;
    ++shell.counters.messages_received;
    shell.counters.bytes_received += received.head.size() + core::view(received.payload).size();
    shell.rejected.reset();
    if (const auto reason = take(received)) shell.reject(*reason);
    if (!shell.rejected || !received.caller) return;
    const core::PeerId caller = received.caller->id;
    if (const auto shun = conduct.dropped(shell.now, caller, *shell.rejected)) {
      changed(caller, links.shunned(caller, shun->lasting, shun->why));
      shell.effects.emplace_back(Shun{caller, shun->lasting});
    }
  }
  void handle(WorkDone& done) { run.on_done(done); }
  void handle(const Undeliverable&) { ++shell.counters.undeliverable; }
  void handle(const Stop& stop) { run.stop(stop.at_once); }
  void handle(const Distrusted& distrusted) {
    changed(distrusted.peer, links.distrusted(distrusted.peer));
  }
  void handle(const Disconnected& disconnected) { links.disconnected(disconnected.from); }

  void fire(const Timer& timer) {
    switch (timer.kind) {
      case TimerKind::kLink: {
        Link* link = links.find(timer.peer);
        if (link == nullptr || !Timers::fired(link->timer, timer)) return;
        return changed(timer.peer, links.on_link_timer(timer.peer, exchange.busy_with(timer.peer)));
      }
      case TimerKind::kContact:
        return links.on_contact_timer(timer);
      case TimerKind::kShuffle:
        return links.on_shuffle_timer(timer);
      case TimerKind::kOffer:
        return exchange.on_offer_timer(timer);
      case TimerKind::kResend:
        return exchange.on_resend_timer(timer);
      case TimerKind::kSettle:
        return run.on_settle_timer(timer);
      case TimerKind::kRequest:
        return copy.on_request_timer(timer);
      case TimerKind::kExpire:
        return donor.on_expire_timer(timer);
      case TimerKind::kPhase:
        return run.on_phase_timer(timer);
    }
  }

  Edges edges;
  Shell shell;
  Conduct conduct;
  Links links;
  Exchange exchange;
  StateCopy copy;
  Donor donor;
  Run run;

 private:
  /// Validates and dispatches one message; the reason if it is dropped.
  std::optional<Reject> take(Received& received) {
    const core::ByteView payload = core::view(received.payload);
    const auto header = wire::peek(received.head, payload, payload_max_);
    const bool keyed = shell.config.keyed();
    if (keyed && received.caller) {
      // What cannot be read counts too, as a message of the least weight.
      const wire::Type type = header ? header->type : wire::Type::kReceipt;
      if (!conduct.admits(shell.now, received.caller->id, type)) return Reject::kFlood;
    }
    if (!header) return header.error();
    const bool is_hello = header->type == wire::Type::kHello;
    const bool is_refuse = header->type == wire::Type::kRefuse;
    if (keyed && !received.caller) return Reject::kForged;
    if (!is_hello && !is_refuse) {
      if (!shell.config.is_swarm(header->swarm)) return Reject::kSwarm;
      if (header->schema != shell.schema_hash) return Reject::kSchema;
    }
    if (keyed && received.caller->id != header->src) return Reject::kForged;
    if (!is_hello && !is_refuse) {
      if (mixes(header->type) && header->lineage != shell.lineages.own()) return Reject::kLineage;
    }
    const bool to_me = header->dst == shell.self.id && header->dst_boot == shell.self.boot;
    if (header->src == shell.self.id && is_hello) return take_own(*header, received);
    if (header->src == shell.self.id || (!to_me && !is_hello)) return Reject::kAddressee;
    // Without keys one finds out who is where by what comes back, whoever that was for.
    if (keyed && header->dst && header->dst != shell.self.id) return Reject::kAddressee;
    const Link* link = links.find(header->src);
    if (link != nullptr && header->src_boot < link->boot && !is_hello) return Reject::kStaleBoot;
    if (!wire::checksum_ok(received.head, payload)) return Reject::kChecksum;
    auto body = wire::parse(*header, received.head);
    if (!body) return body.error();
    if (keyed) {
      if (const auto* hello = std::get_if<wire::Hello>(&*body)) {
        const auto& proofs = received.caller->proofs;
        if (std::find(proofs.begin(), proofs.end(), hello->proof) != proofs.end()) {
          conduct.prove(shell.now, header->src);
        } else {
          return Reject::kUnproven;
        }
      } else if (!conduct.proved(header->src)) {
        return Reject::kUnproven;
      }
    }

    if (auto* hello = std::get_if<wire::Hello>(&*body)) {
      if (hello->address.find(':') == Address::npos) return Reject::kField;
      changed(header->src, links.hello(*header, *hello, received.from_host));
      if (shell.phase != Phase::kJoining) copy.seek();  // what it said may have shown the need
      return std::nullopt;
    }
    if (auto* refuse = std::get_if<wire::Refuse>(&*body)) {
      links.refused(*header, *refuse);
      if (refuse->newest_boot >= shell.self.boot) older_than(*header, refuse->newest_boot);
      return std::nullopt;
    }
    if (auto* resume = std::get_if<wire::Resume>(&*body)) {
      if (link == nullptr) return Reject::kUnknown;
      if (link->boot == header->src_boot) {
        changed(header->src, links.resume(*header, *resume, exchange.busy_with(header->src)));
        return std::nullopt;
      }
    }
    const Links::Heard heard = links.heard(*header);
    changed(header->src, heard.change);
    if (heard.link == nullptr) return heard.reject;
    std::visit([&](const auto& message) { deliver(*header, message, received.payload); }, *body);
    return std::nullopt;
  }

  /// What only peers of one lineage may send each other.
  static bool mixes(wire::Type type) {
    return type == wire::Type::kOffer || type == wire::Type::kTransfer ||
           type == wire::Type::kDecline;
  }

  /// A Hello that names this peer as its sender is looked at, though not answered.
  Reject take_own(const wire::Header& header, const Received& received) {
    if (!wire::checksum_ok(received.head, core::view(received.payload))) return Reject::kChecksum;
    const auto body = wire::parse(header, received.head);
    if (!body) return body.error();
    links.own_hello(std::get<wire::Hello>(*body));
    return Reject::kAddressee;
  }

  void deliver(const wire::Header& h, const wire::Offer& m, core::Payload& payload) {
    const bool keyed = shell.config.keyed();
    if (keyed && !conduct.admits_offer(shell.now, h.src)) return shell.reject(Reject::kFlood);
    const bool in_vain = !exchange.on_offer(h, m, std::move(payload));
    if (keyed && in_vain) conduct.offered_in_vain(shell.now, h.src);
  }
  void deliver(const wire::Header& h, const wire::Transfer& m, core::Payload& payload) {
    exchange.on_transfer(h, m, std::move(payload));
  }
  void deliver(const wire::Header& h, const wire::Void& m, core::Payload&) {
    exchange.on_void(h, m);
  }
  void deliver(const wire::Header& h, const wire::Receipt& m, core::Payload&) {
    exchange.on_receipt(h, m);
  }
  void deliver(const wire::Header& h, const wire::Decline& m, core::Payload&) {
    exchange.on_decline(h, m);
  }
  void deliver(const wire::Header& h, const wire::Ping& m, core::Payload&) { links.ping(h.src, m); }
  void deliver(const wire::Header&, const wire::Pong& m, core::Payload&) { links.pong(m); }
  void deliver(const wire::Header& h, const wire::StateRequest& m, core::Payload&) {
    if (shell.config.keyed() && !conduct.serves(shell.now, h.src, donor.chunks())) {
      return shell.reject(Reject::kFlood);
    }
    donor.on_request(h, m);
  }
  void deliver(const wire::Header& h, const wire::StateChunk& m, core::Payload& payload) {
    copy.on_chunk(h, m, payload);
  }
  void deliver(const wire::Header& h, const wire::Bye&, core::Payload&) {
    changed(h.src, links.bye(h.src));
  }
  // Handled before a link is needed.
  void deliver(const wire::Header&, const wire::Hello&, core::Payload&) {}
  void deliver(const wire::Header&, const wire::Refuse&, core::Payload&) {}
  void deliver(const wire::Header&, const wire::Resume&, core::Payload&) {}

  /// Believed within bounds: a boot is a count of starts, and a neighbour may lie.
  void older_than(const wire::Header& header, core::Boot newest) {
    constexpr core::Boot kStartsMax = 1U << 16;
    constexpr int kTimesMax = 16;
    constexpr int kTimesAtOnce = 4;
    constexpr core::Duration kEvery = std::chrono::seconds(10);
    const bool soon = times_older_ >= kTimesAtOnce && shell.now - last_older_ < kEvery;
    if (newest - shell.self.boot < kStartsMax && times_older_ < kTimesMax && !soon) {
      ++times_older_;
      last_older_ = shell.now;
      return run.older_than(newest);
    }
    shell.report(PeerReport{
        PeerReport::What::kRefusedUs,
        header.src,
        {},
        "it knows a boot of this peer that is too far ahead, or too many: not believed"});
  }

  void changed(core::PeerId peer, LinkChange change) {
    if (change == LinkChange::kNone) return;
    exchange.on_link(peer, change);
    copy.on_link(peer, change);
  }

  std::size_t payload_max_;
  int times_older_ = 0;  ///< that it was told of a boot past its own, and believed it
  core::Instant last_older_{};
};

Machine::Machine(core::Instant now, core::Identity self, const Config& config,
                 const core::Schema& schema, core::Rng rng, std::optional<core::ByteView> saved)
    : core_(std::make_unique<Core>(now, self, config, schema, rng, saved)) {}

Machine::~Machine() = default;

void Machine::handle(core::Instant now, Event event) {
  core_->shell.now = now;
  std::visit([this](auto& e) { core_->handle(e); }, event);
  core_->donor.release();
  core_->run.advance();
}

void Machine::on_deadline(core::Instant now) {
  core_->shell.now = now;
  if (core_->shell.phase == Phase::kDone) return;
  bool any = false;
  while (const auto timer = core_->shell.timers.pop(now)) {
    core_->fire(*timer);
    any = true;
  }
  if (any) core_->run.advance();
}

std::optional<core::Instant> Machine::next_deadline() const {
  if (core_->shell.phase == Phase::kDone) return std::nullopt;
  return core_->shell.timers.next();
}

std::optional<Effect> Machine::poll() {
  auto& effects = core_->shell.effects;
  if (effects.empty()) return std::nullopt;
  Effect effect = std::move(effects.front());
  effects.pop_front();
  return effect;
}

core::Identity Machine::self() const { return core_->shell.self; }
Phase Machine::phase() const { return core_->shell.phase; }
const Counters& Machine::counters() const { return core_->shell.counters; }

Status Machine::status() const {
  Status status;
  status.phase = core_->shell.phase;
  status.step = core_->shell.step;
  status.lineage = core_->shell.lineages.own();
  status.step_adopted = core_->run.step_adopted();
  status.neighbours = core_->links.up().size();
  status.spread = std::numeric_limits<double>::quiet_NaN();
  for (const auto& recent : core_->exchange.agreement().recent())
    status.spread = std::fmax(status.spread, recent.ratio);
  status.staleness_mean = core_->exchange.staleness_mean();
  status.exchanges = core_->exchange.completed();
  return status;
}

std::vector<NeighbourView> Machine::neighbours() const {
  std::vector<NeighbourView> result;
  for (const auto& [id, link] : core_->links.all()) {
    result.push_back({id, link.address, link.boot, link.up, link.phase, link.step});
  }
  return result;
}

const Edge* Machine::edge(core::PeerId peer) const {
  const auto it = core_->edges.find(peer);
  return it == core_->edges.end() ? nullptr : &it->second;
}

const std::map<core::PeerId, Edge>& Machine::edges() const { return core_->edges; }
std::uint64_t Machine::edges_forgotten() const { return core_->links.edges_forgotten(); }
std::size_t Machine::queued() const {
  return core_->exchange.queued() + (core_->run.lane_busy() ? 1 : 0);
}
const std::optional<std::string>& Machine::failure() const { return core_->shell.failure; }
const std::string& Machine::unsaved() const { return core_->run.unsaved(); }

core::Result<std::uint64_t> saved_step(core::ByteView saved, core::Identity self,
                                       const core::Schema& schema) {
  auto restored = read_saved_state(saved, self, schema.hash());
  if (!restored) return tl::make_unexpected(restored.error());
  return restored->step;
}

}  // namespace murmur::gossip
