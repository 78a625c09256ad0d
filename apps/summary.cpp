#include "apps/summary.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "core/file_io.hpp"

namespace murmur::apps {
namespace {

constexpr std::size_t kSummaryMax = std::size_t{64} << 20;

/// A number, or NaN for null.
double number(const Json& json, const char* key) {
  const Json& value = json.at(key);
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

}  // namespace

Json to_json(const PeerSummary& peer) {
  return {{"id", peer.id},
          {"steps", peer.steps},
          {"test_accuracy", peer.test_accuracy},
          {"test_loss", peer.test_loss},
          {"exchanges", peer.exchanges},
          {"staleness_mean", peer.staleness_mean},
          {"seconds", peer.seconds}};
}

core::Result<PeerSummary> parse_peer_summary(const Json& json) {
  try {
    PeerSummary peer;
    json.at("id").get_to(peer.id);
    json.at("steps").get_to(peer.steps);
    peer.test_accuracy = number(json, "test_accuracy");
    peer.test_loss = number(json, "test_loss");
    json.at("exchanges").get_to(peer.exchanges);
    peer.staleness_mean = number(json, "staleness_mean");
    peer.seconds = number(json, "seconds");
    return peer;
  } catch (const Json::exception& error) {
    return core::fail(fmt::format("not a peer's summary: {}", error.what()));
  }
}

Json to_json(const gossip::Counters& c) {
  return {{"offers_made", c.offers_made},
          {"offers_timed_out", c.offers_timed_out},
          {"offers_withdrawn", c.offers_withdrawn},
          {"declines_sent", c.declines_sent},
          {"declines_received", c.declines_received},
          {"transfers_made", c.transfers_made},
          {"transfers_applied", c.transfers_applied},
          {"transfers_resent", c.transfers_resent},
          {"transfers_duplicate", c.transfers_duplicate},
          {"transfers_refused", c.transfers_refused},
          {"transfers_voided", c.transfers_voided},
          {"receipts_taken", c.receipts_taken},
          {"unreceipted", c.unreceipted},
          {"lost_here", c.lost_here},
          {"lost_there", c.lost_there},
          {"messages_sent", c.messages_sent},
          {"messages_received", c.messages_received},
          {"bytes_sent", c.bytes_sent},
          {"bytes_received", c.bytes_received}};
}

Json to_json(const net::DoorCounters& c) {
  return {{"handshakes_refused", c.handshakes_refused},
          {"handshakes_failed", c.handshakes_failed},
          {"unidentified", c.unidentified},
          {"hosts_slowed", c.hosts_slowed},
          {"shown_out", c.shown_out}};
}

Json rejected_json(const gossip::Counters& counters) {
  Json json = Json::object();
  for (std::size_t i = 0; i < gossip::kRejectCount; ++i) {
    json[std::string(gossip::to_string(static_cast<gossip::Reject>(i)))] = counters.rejected[i];
  }
  return json;
}

core::Result<void> write_json(const std::filesystem::path& path, const Json& json) {
  const std::string text = json.dump(2) + "\n";
  const std::array<core::ByteView, 1> parts{std::as_bytes(std::span(text))};
  return core::write_file_atomically(path, parts);
}

core::Result<Json> read_json(const std::filesystem::path& path) {
  const auto bytes = core::read_file(path, kSummaryMax);
  if (!bytes) return tl::make_unexpected(bytes.error());
  const auto* const begin = reinterpret_cast<const char*>(bytes->data());
  Json json = Json::parse(begin, begin + bytes->size(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return core::fail(fmt::format("{}: not JSON", path.string()));
  return json;
}

}  // namespace murmur::apps
