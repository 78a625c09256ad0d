#include "tests/gossip/transcript_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/duration.hpp"

namespace murmur::gossip::test {
namespace {

constexpr std::array<std::string_view, wire::kTypeMax> kTypes{
    "Hello",   "Refuse", "Resume", "Offer",        "Transfer",   "Void", "Receipt",
    "Decline", "Ping",   "Pong",   "StateRequest", "StateChunk", "Bye"};

std::string text(core::TransferId id) { return fmt::format("{}.{}", id.boot, id.seq); }
std::string text(core::OfferId id) { return fmt::format("{}.{}", id.boot, id.number); }

/// What OneFloat sends.
std::string number(core::ByteView payload) {
  float value = 0;
  if (payload.size() != sizeof value) return fmt::format("{} bytes", payload.size());
  std::memcpy(&value, payload.data(), sizeof value);
  return fmt::format("{:g}", value);
}

std::string list(const std::vector<BootSeq>& made) {
  std::string all;
  for (const BootSeq& one : made) {
    all += (all.empty() ? "" : " ") + text(core::TransferId{one.boot, one.seq});
  }
  return all.empty() ? "nothing" : all;
}

std::string standing_of(const wire::Header& header) {
  return fmt::format("{} at step {}", to_string(header.phase), header.step);
}

std::string knows(const std::vector<wire::Member>& members) {
  std::string all;
  for (const wire::Member& member : members) all += " " + name_of(member.id);
  return all.empty() ? "" : ", knows" + all;
}

struct Title {
  std::string operator()(const wire::Offer& m) const { return "Offer " + text(m.id); }
  std::string operator()(const wire::Transfer& m) const { return "Transfer " + text(m.id); }
  std::string operator()(const wire::Void& m) const { return "Void " + text(m.id); }
  std::string operator()(const wire::Receipt& m) const { return "Receipt " + text(m.up_to); }
  std::string operator()(const wire::Decline& m) const {
    return "Decline of Offer " + text(m.offer);
  }
  template <class T>
  std::string operator()(const T& m) const {
    return std::string(kTypes.at(wire::Body(m).index()));
  }
};

struct Detail {
  const wire::Header& header;
  core::ByteView payload;

  std::string operator()(const wire::Hello& m) const {
    return fmt::format("boot {}, {}{}{}", header.src_boot, standing_of(header),
                       m.wants_reply ? ", wants a reply" : "", knows(m.members));
  }
  std::string operator()(const wire::Refuse& m) const { return m.reason; }
  std::string operator()(const wire::Resume& m) const {
    std::string pending;
    for (const core::TransferId id : m.facts.pending) {
      pending += (pending.empty() ? ", pending " : " ") + text(id);
    }
    return fmt::format("made {}, saw {}{}{}{}", list(m.facts.created), list(m.facts.seen), pending,
                       m.has_yours ? ", has yours" : "", m.wants_answer ? ", wants yours" : "");
  }
  std::string operator()(const wire::Offer& m) const {
    return fmt::format("shard {} = {} ({}), at step {}, expects staleness {}", m.shard,
                       number(payload), to_string(m.planes[0].codec), header.step,
                       m.expected_staleness);
  }
  std::string operator()(const wire::Transfer& m) const {
    return fmt::format("answers Offer {}, shard {}, q = {} ({}), w = {:g}, at step {}",
                       text(m.offer), m.shard, number(payload), to_string(m.planes[0].codec),
                       m.weight, m.step);
  }
  std::string operator()(const wire::Void&) const { return {}; }
  std::string operator()(const wire::Receipt& m) const {
    std::string refused;
    for (const Decided& one : m.decided) {
      if (one.refused) refused += (refused.empty() ? "refused " : " ") + text(one.id);
    }
    return refused;
  }
  std::string operator()(const wire::Decline& m) const {
    static constexpr std::array<std::string_view, wire::kDeclineReasonMax + 1> kReasons{
        "busy", "crossed", "stale", "shape", "not finite"};
    return fmt::format("{}, again after {} ms", kReasons.at(static_cast<std::size_t>(m.reason)),
                       m.retry_ms);
  }
  std::string operator()(const wire::Ping& m) const {
    return standing_of(header) + knows(m.members);
  }
  std::string operator()(const wire::Pong& m) const {
    return standing_of(header) + knows(m.members);
  }
  std::string operator()(const wire::StateRequest& m) const {
    return fmt::format("{}, plane {} from byte {}",
                       m.snapshot == 0 ? "a fresh copy" : fmt::format("copy {}", m.snapshot),
                       static_cast<int>(m.plane), m.offset);
  }
  std::string operator()(const wire::StateChunk& m) const {
    if (m.state.planes.empty()) return fmt::format("there is no copy {}", m.snapshot);
    return fmt::format("copy {} of step {}, plane {}, bytes {} to {}", m.snapshot, m.step,
                       static_cast<int>(m.plane), m.offset, m.offset + payload.size());
  }
  std::string operator()(const wire::Bye&) const { return standing_of(header); }
};

struct WorkWords {
  std::string operator()(const Train& w) const {
    return fmt::format("Train {} step{}", w.steps, w.steps == 1 ? "" : "s");
  }
  std::string operator()(const MakeOffer& w) const {
    return fmt::format("MakeOffer of shard {}", w.shard);
  }
  std::string operator()(const Respond& w) const {
    return fmt::format("Respond to shard {} = {}, w = {:g}", w.shard, number(core::view(w.offer)),
                       w.weight);
  }
  std::string operator()(const Absorb& w) const {
    return fmt::format("Absorb into shard {} q = {}, w = {:g}", w.shard,
                       number(core::view(w.delta)), w.weight);
  }
  std::string operator()(const Evaluate&) const { return "Evaluate"; }
  std::string operator()(const Save&) const { return "Save"; }
  std::string operator()(const TakeSnapshot&) const { return "TakeSnapshot"; }
  std::string operator()(const Adopt& w) const {
    return fmt::format("Adopt a state of {} bytes{}", w.state.planes.size(),
                       w.instead ? " instead" : "");
  }
  std::string operator()(const RaiseBoot& w) const {
    return fmt::format("RaiseBoot past {}", w.past);
  }
};

struct ReportWords {
  std::string operator()(const TrainReport& r) const {
    return fmt::format("trained to step {}", r.step);
  }
  std::string operator()(const EvaluationReport& r) const {
    return fmt::format("evaluated at step {}", r.step);
  }
  std::string operator()(const ExchangeReport& r) const {
    return fmt::format("{} {} {} {}, |d|/|x| = {:.3g}, lag {}{}", r.initiated ? "took" : "gave",
                       text(r.id), r.initiated ? "from" : "to", name_of(r.peer), r.ratio, r.lag,
                       r.initiated ? fmt::format(", {} steps stale", r.staleness) : "");
  }
  std::string operator()(const PeerReport& r) const {
    return fmt::format("{} {}{}{}", name_of(r.peer), to_string(r.what),
                       r.message.empty() ? "" : ": ", r.message);
  }
  std::string operator()(const PhaseReport& r) const {
    return std::string(to_string(r.phase)) + (r.message.empty() ? "" : ": ") + r.message;
  }
  std::string operator()(const SaveReport& r) const {
    return r.result ? fmt::format("saved at step {}", r.step)
                    : "not saved: " + r.result.error().message;
  }
  std::string operator()(const NoticeReport& r) const { return r.message; }
};

std::string counts(const Counters& c) {
  const std::array<std::pair<std::string_view, std::uint64_t>, 17> all{
      {{"offers made", c.offers_made},
       {"timed out", c.offers_timed_out},
       {"withdrawn", c.offers_withdrawn},
       {"declines sent", c.declines_sent},
       {"declines received", c.declines_received},
       {"transfers made", c.transfers_made},
       {"applied", c.transfers_applied},
       {"sent again", c.transfers_resent},
       {"duplicate", c.transfers_duplicate},
       {"early", c.transfers_early},
       {"refused", c.transfers_refused},
       {"voided", c.transfers_voided},
       {"receipts taken", c.receipts_taken},
       {"refused there", c.receipts_refused},
       {"unreceipted", c.unreceipted},
       {"lost here", c.lost_here},
       {"lost there", c.lost_there}}};
  std::string line;
  for (const auto& [what, count] : all) {
    if (count > 0) line += fmt::format("{}{} {}", line.empty() ? "" : ", ", what, count);
  }
  return line;
}

}  // namespace

core::PeerId id_of(char name) {
  const std::uint64_t digit = 10U + static_cast<unsigned>(name - 'a');
  return {digit * 0x1111'1111'1111'1111U, 1};
}

std::string name_of(core::PeerId id) { return core::short_name(id).substr(0, 1); }

std::optional<wire::Type> parse_type(std::string_view name) {
  const auto* const found = std::find(kTypes.begin(), kTypes.end(), name);
  if (found == kTypes.end()) return std::nullopt;
  return static_cast<wire::Type>(found - kTypes.begin() + 1);
}

std::string title(const wire::Body& body) { return std::visit(Title{}, body); }

std::string words(const wire::Header& header, const wire::Body& body, core::ByteView payload) {
  const std::string detail = std::visit(Detail{header, payload}, body);
  return title(body) + (detail.empty() ? "" : ": ") + detail;
}

std::string owed_words(const std::vector<OutboxEntry>& owed) {
  std::string words;
  for (const OutboxEntry& entry : owed) {
    words += (words.empty() ? "" : " ") + text(entry.id) + (entry.delta ? "" : " as a Void");
  }
  return words.empty() ? "nothing" : words;
}

std::string words(const Work& work) { return std::visit(WorkWords{}, work); }
std::string words(const Report& report) { return std::visit(ReportWords{}, report); }

std::vector<std::string> standing(const std::string& name, const Peer& peer) {
  if (peer.dead) return {name + ": down"};
  const Status status = peer.machine->status();
  std::string up;
  for (const NeighbourView& other : peer.machine->neighbours()) {
    if (other.up && status.phase != Phase::kDone) up += " " + name_of(other.id);
  }
  std::vector<std::string> lines{fmt::format("{}: {} at step {}, x = {:g}{}{}", name,
                                             to_string(status.phase), status.step, peer.replica->x,
                                             up.empty() ? "" : ", up with", up)};
  if (const auto& failure = peer.machine->failure()) lines.push_back("  failed: " + *failure);
  for (const auto& [id, edge] : peer.machine->edges()) {
    if (edge.blank()) continue;
    const auto& owed = edge.outbox();
    lines.push_back(
        fmt::format("  {}: owes it {}, saw {} of it", name_of(id), owed_words(owed),
                    edge.highest_seen().seq == 0 ? "nothing" : text(edge.highest_seen())));
  }
  if (const std::string counted = counts(peer.machine->counters()); !counted.empty()) {
    lines.push_back("  counts: " + counted);
  }
  return lines;
}

}  // namespace murmur::gossip::test
