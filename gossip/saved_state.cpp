#include "gossip/saved_state.hpp"

#include <fmt/format.h>

#include <cereal/archives/binary.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>
#include <istream>
#include <sstream>
#include <streambuf>

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

constexpr std::uint32_t kLayout = 3;  // 2: of numbers of 32 bits, without lineages

// As they are written.
constexpr std::size_t kBootSeqSize = sizeof(core::Boot) + sizeof(std::uint64_t);
constexpr std::size_t kTakenSize = kBootSeqSize + sizeof(std::uint64_t);

void save_payload(cereal::BinaryOutputArchive& out, const core::Payload& payload) {
  const std::uint64_t size = payload ? payload->size() + 1 : 0;  // 0: voided
  out(size);
  if (payload) out(cereal::binary_data(payload->data(), payload->size()));
}

/// Reads what is viewed, in place.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(core::ByteView view) {
    auto* const begin = const_cast<char*>(reinterpret_cast<const char*>(view.data()));
    setg(begin, begin, begin + view.size());
  }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(egptr() - gptr()); }
};

/// A Cereal archive that believes no count for which the bytes are not there.
class Reader {
 public:
  explicit Reader(core::ByteView bytes) : buffer_(bytes), stream_(&buffer_), archive_(stream_) {}

  template <class... T>
  void operator()(T&... values) {
    archive_(values...);
  }
  /// How many items of `unit` bytes follow.
  std::size_t count(std::size_t unit) {
    std::uint64_t count = 0;
    archive_(count);
    return believed(count, unit);
  }
  bool flag() { return up_to(1) != 0; }
  std::uint8_t up_to(std::uint8_t max) {
    std::uint8_t value = 0;
    archive_(value);
    if (value > max) throw cereal::Exception("a value out of range");
    return value;
  }
  void operator()(std::string& text) {
    text.resize(count(1));
    archive_(cereal::binary_data(text.data(), text.size()));
  }
  void operator()(std::vector<BootSeq>& boots) {
    boots.resize(count(kBootSeqSize));
    for (BootSeq& b : boots) archive_(b);
  }
  core::Payload payload() {
    std::uint64_t size_and_one = 0;  // 0: voided
    archive_(size_and_one);
    if (size_and_one == 0) return nullptr;
    auto bytes = std::make_shared<core::Bytes>(believed(size_and_one - 1, 1));
    archive_(cereal::binary_data(bytes->data(), bytes->size()));
    return bytes;
  }
  [[nodiscard]] bool at_end() const { return buffer_.left() == 0; }

 private:
  [[nodiscard]] std::size_t believed(std::uint64_t count, std::size_t unit) const {
    if (count > buffer_.left() / unit) throw cereal::Exception("a count past its end");
    return count;
  }

  ViewBuffer buffer_;
  std::istream stream_;
  cereal::BinaryInputArchive archive_;
};

core::Result<void> check_owner(core::PeerId owner, const SavedState& saved, core::Identity self) {
  if (owner != self.id) {
    return core::fail(fmt::format("checkpoint: of peer {}, but this is peer {}",
                                  core::to_string(owner), core::to_string(self.id)));
  }
  for (const auto& [id, edge] : saved.edges) {
    const std::vector<BootSeq> created = edge.facts().created;
    if (created.empty() || created.back().boot <= self.boot) continue;
    return core::fail(fmt::format("checkpoint: of boot {}, but the last start was boot {}",
                                  created.back().boot, self.boot));
  }
  return {};
}

}  // namespace

struct EdgeArchive {
  static void save(cereal::BinaryOutputArchive& out, const Edge& edge) {
    out(edge.answered, edge.lost_here, edge.lost_there, edge.refused, edge.voided, edge.created_);
    out(edge.taken_, edge.seen_floor_, edge.newest.boot, edge.newest.process);
    out(static_cast<std::uint64_t>(edge.seen_.size()));
    for (const Edge::Taken& taken : edge.seen_) out(taken.boot, taken.seq, taken.gone);
    out(static_cast<std::uint64_t>(edge.outcomes_.ranges().size()));
    for (const Outcomes::Range& range : edge.outcomes_.ranges()) {
      out(range.boot, range.first, range.last, range.refused, range.shares);
    }
    out(edge.outcomes_.forgotten());
    // What is the newest checkpoint now is the one before this.
    out(edge.newest_from_);
    out(static_cast<std::uint64_t>(edge.outbox_.size()));
    for (const OutboxEntry& entry : edge.outbox_) {
      out(entry.id, entry.offer, entry.shard, static_cast<std::uint8_t>(entry.codec), entry.weight,
          entry.step);
      save_payload(out, entry.delta);
    }
  }

  static void load(Reader& in, Edge& edge) {
    in(edge.answered, edge.lost_here, edge.lost_there, edge.refused, edge.voided);
    in(edge.created_);
    in(edge.taken_, edge.seen_floor_, edge.newest.boot, edge.newest.process);
    for (std::size_t left = in.count(kTakenSize); left > 0; --left) {
      Edge::Taken& taken = edge.seen_.emplace_back();
      in(taken.boot, taken.seq, taken.gone);
    }
    std::vector<Outcomes::Range> ranges;
    for (std::size_t left = in.count(kRangeMin); left > 0; --left) {
      Outcomes::Range& range = ranges.emplace_back();
      in(range.boot, range.first, range.last);
      range.refused = in.flag();
      range.shares.resize(in.count(sizeof(std::uint16_t)));
      for (std::uint16_t& share : range.shares) in(share);
    }
    core::TransferId forgotten;
    in(forgotten);
    if (!edge.outcomes_.restore(std::move(ranges), forgotten))
      throw cereal::Exception("outcomes out of order");
    in(edge.before_from_);
    for (std::size_t left = in.count(kEntryMin); left > 0; --left) {
      OutboxEntry& entry = edge.outbox_.emplace_back();
      in(entry.id, entry.offer, entry.shard);
      entry.codec = core::Codec{in.up_to(core::kCodecCount - 1)};
      in(entry.weight, entry.step);
      entry.delta = in.payload();
    }
    if (edge.outbox_.size() > kWindowMax) throw cereal::Exception("an outbox past any window");
    edge.newest_from_ = edge.pending_from();
  }

 private:
  static constexpr std::size_t kRangeMin = 4 + 8 + 8 + 1 + 8;
  static constexpr std::size_t kEntryMin = 12 + 12 + 4 + 1 + 4 + 8 + 8;
};

core::Bytes write_saved_state(const SavedStateView& view) {
  std::ostringstream stream;
  {
    cereal::BinaryOutputArchive out(stream);
    out(kLayout, view.self, view.schema, view.step, view.step_adopted);
    const std::vector<Verdict>& verdicts = view.lineages.verdicts();
    out(view.lineages.own(), view.lineages.step(), static_cast<std::uint64_t>(verdicts.size()));
    for (const Verdict& verdict : verdicts) out(verdict.loser, verdict.winner);
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

core::Result<SavedState> read_saved_state(core::ByteView bytes, core::Identity self,
                                          std::uint64_t schema) {
  constexpr std::size_t kLinkMin = sizeof(core::PeerId) + sizeof(std::uint64_t);
  constexpr std::size_t kEdgeMin = sizeof(core::PeerId);
  SavedState saved;
  core::PeerId owner;
  try {
    Reader in(bytes);
    std::uint32_t layout = 0;
    in(layout);
    if (layout != kLayout) {
      return core::fail(
          fmt::format("checkpoint: the protocol part has layout {}, not {}", layout, kLayout));
    }
    std::uint64_t of_schema = 0;
    in(owner, of_schema, saved.step, saved.step_adopted);
    if (of_schema != schema) return core::fail("checkpoint: of another model");
    core::Lineage lineage = 0;
    std::uint64_t lineage_step = 0;
    in(lineage, lineage_step);
    std::vector<Verdict> verdicts(in.count(sizeof(Verdict)));
    for (Verdict& verdict : verdicts) in(verdict.loser, verdict.winner);
    saved.lineages.restore(lineage, lineage_step, verdicts);
    for (std::size_t left = in.count(kLinkMin); left > 0; --left) {
      wire::Member& member = saved.known.emplace_back();
      in(member.id);
      in(member.address);
    }
    for (std::size_t left = in.count(kEdgeMin); left > 0; --left) {
      core::PeerId id;
      in(id);
      EdgeArchive::load(in, saved.edges[id]);
    }
    if (!in.at_end()) throw cereal::Exception("bytes past its end");
  } catch (const std::exception& e) {
    return core::fail(std::string("checkpoint: the protocol part is damaged: ") + e.what());
  }
  if (auto own = check_owner(owner, saved, self); !own) {
    return tl::make_unexpected(own.error());
  }
  return saved;
}

}  // namespace murmur::gossip
