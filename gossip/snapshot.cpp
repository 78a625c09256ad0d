#include "gossip/snapshot.hpp"

#include <cereal/archives/binary.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>
#include <sstream>

namespace murmur::core {

template <class Archive>
void serialize(Archive& archive, PeerId& id) {
  archive(id.high, id.low);
}
template <class Archive>
void serialize(Archive& archive, TransferId& id) {
  archive(id.boot, id.seq);
}
template <class Archive>
void serialize(Archive& archive, OfferId& id) {
  archive(id.boot, id.number);
}

}  // namespace murmur::core

namespace murmur::gossip {

template <class Archive>
void serialize(Archive& archive, BootSeq& b) {
  archive(b.boot, b.seq);
}

namespace {

constexpr std::uint32_t kLayout = 1;

void save_payload(cereal::BinaryOutputArchive& out, const core::Payload& payload) {
  const std::uint64_t size = payload ? payload->size() + 1 : 0;  // 0: voided
  out(size);
  if (payload) out(cereal::binary_data(payload->data(), payload->size()));
}

core::Payload load_payload(cereal::BinaryInputArchive& in) {
  std::uint64_t size = 0;
  in(size);
  if (size == 0) return nullptr;
  auto bytes = std::make_shared<core::Bytes>(size - 1);
  in(cereal::binary_data(bytes->data(), bytes->size()));
  return bytes;
}

}  // namespace

struct EdgeArchive {
  static void save(cereal::BinaryOutputArchive& out, const Edge& edge) {
    out(edge.answered, edge.lost_here, edge.lost_there, edge.refused, edge.voided, edge.created_);
    out(static_cast<std::uint64_t>(edge.seen_.size()));
    for (const Edge::Taken& taken : edge.seen_) out(taken.boot, taken.seq, taken.counted_there);
    out(edge.outbox_.has_value());
    if (!edge.outbox_) return;
    const OutboxEntry& entry = *edge.outbox_;
    out(entry.id, entry.offer, entry.shard, static_cast<std::uint8_t>(entry.codec), entry.weight,
        entry.step);
    save_payload(out, entry.delta);
  }

  static void load(cereal::BinaryInputArchive& in, Edge& edge) {
    in(edge.answered, edge.lost_here, edge.lost_there, edge.refused, edge.voided, edge.created_);
    std::uint64_t count = 0;
    in(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      Edge::Taken taken;
      in(taken.boot, taken.seq, taken.counted_there);
      edge.seen_.push_back(taken);
    }
    bool pending = false;
    in(pending);
    if (!pending) return;
    OutboxEntry& entry = edge.outbox_.emplace();
    std::uint8_t codec = 0;
    in(entry.id, entry.offer, entry.shard, codec, entry.weight, entry.step);
    entry.codec = core::Codec{codec};
    entry.delta = load_payload(in);
  }
};

core::Bytes write_snapshot(const SnapshotView& view) {
  std::ostringstream stream;
  {
    cereal::BinaryOutputArchive out(stream);
    out(kLayout, view.self, view.schema, view.step, view.step_adopted);
    out(static_cast<std::uint64_t>(view.links.size()));
    for (const auto& [id, link] : view.links) out(id, link.address);
    out(static_cast<std::uint64_t>(view.edges.size()));
    for (const auto& [id, edge] : view.edges) {
      out(id);
      EdgeArchive::save(out, edge);
    }
  }
  const std::string text = stream.str();
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

core::Result<Snapshot> read_snapshot(core::ByteView bytes) {
  std::istringstream stream(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  Snapshot snapshot;
  try {
    cereal::BinaryInputArchive in(stream);
    std::uint32_t layout = 0;
    in(layout);
    if (layout != kLayout) return core::fail("checkpoint: the protocol part has another layout");
    in(snapshot.self, snapshot.schema, snapshot.step, snapshot.step_adopted);
    std::uint64_t count = 0;
    in(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      wire::Member member;
      in(member.id, member.address);
      snapshot.known.push_back(std::move(member));
    }
    in(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      core::PeerId id;
      in(id);
      EdgeArchive::load(in, snapshot.edges[id]);
    }
  } catch (const std::exception& e) {
    return core::fail(std::string("checkpoint: the protocol part is damaged: ") + e.what());
  }
  return snapshot;
}

}  // namespace murmur::gossip
