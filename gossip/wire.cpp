#include "gossip/wire.hpp"

#include <bit>
#include <cmath>
#include <cstring>

#include "core/check.hpp"

namespace murmur::gossip::wire {
namespace {

static_assert(std::endian::native == std::endian::little, "the wire is written by plain copies");

constexpr std::size_t kBodySizeOffset = 80;
constexpr std::size_t kCrcOffset = 88;
constexpr double kMassMax = 1e12;

class Writer {
 public:
  explicit Writer(core::Bytes& out) : out_(out) {}

  template <class T>
  void put(T value) {
    static_assert(std::is_arithmetic_v<T>);
    const std::size_t at = out_.size();
    out_.resize(at + sizeof value);
    std::memcpy(out_.data() + at, &value, sizeof value);
  }
  void put(core::PeerId id) { put(id.high), put(id.low); }
  void put(core::TransferId id) { put(id.boot), put(id.seq); }
  void put(core::OfferId id) { put(id.boot), put(id.number); }
  void put(const std::string& text) {
    CHECK_INVARIANT(text.size() <= kAddressMax);
    put(static_cast<std::uint8_t>(text.size()));
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    out_.insert(out_.end(), bytes, bytes + text.size());
  }
  void put(const std::vector<Member>& members) {
    CHECK_INVARIANT(members.size() <= kMembersMax);
    put(static_cast<std::uint8_t>(members.size()));
    for (const Member& member : members) put(member.id), put(member.address);
  }
  void put(const Planes& planes) {
    put(static_cast<std::uint8_t>(planes.size()));
    for (const PlaneData& p : planes) {
      put(static_cast<std::uint8_t>(p.plane)), put(static_cast<std::uint8_t>(p.codec)), put(p.size);
    }
  }
  void put(const core::StateKind& state) {
    put(static_cast<std::uint8_t>(state.optimizer));
    put(static_cast<std::uint8_t>(state.planes.size()));
    for (const core::Plane plane : state.planes) put(static_cast<std::uint8_t>(plane));
  }
  void put(const std::vector<core::TransferId>& ids) {
    CHECK_INVARIANT(ids.size() <= kWindowMax);
    put(static_cast<std::uint8_t>(ids.size()));
    for (const core::TransferId id : ids) put(id);
  }
  void put(const std::vector<Verdict>& verdicts) {
    CHECK_INVARIANT(verdicts.size() <= kVerdictsMax);
    put(static_cast<std::uint8_t>(verdicts.size()));
    for (const Verdict& v : verdicts) put(v.loser), put(v.winner);
  }
  void put(const std::vector<ShardRange>& shards) {
    CHECK_INVARIANT(shards.size() <= kShardRangesMax);
    put(static_cast<std::uint8_t>(shards.size()));
    for (const ShardRange& s : shards) put(s.first), put(s.count);
  }
  void put(const Proof& proof) { out_.insert(out_.end(), proof.begin(), proof.end()); }
  void put(const std::vector<BootSeq>& boots) {
    CHECK_INVARIANT(boots.size() <= kBootsMax);
    put(static_cast<std::uint16_t>(boots.size()));
    for (const BootSeq& b : boots) put(b.boot), put(b.seq);
  }

 private:
  core::Bytes& out_;
};

/// Reads past the end give zeros and clear ok().
class Reader {
 public:
  explicit Reader(core::ByteView in) : in_(in) {}

  template <class T>
  T get() {
    T value{};
    if (in_.size() < sizeof value) return fail(), value;
    std::memcpy(&value, in_.data(), sizeof value);
    in_ = in_.subspan(sizeof value);
    return value;
  }
  core::PeerId peer() {
    core::PeerId id;
    id.high = get<std::uint64_t>();
    id.low = get<std::uint64_t>();
    return id;
  }
  core::TransferId transfer() {
    core::TransferId id;
    id.boot = get<std::uint32_t>();
    id.seq = get<std::uint64_t>();
    if ((id.boot == 0) != (id.seq == 0)) fail();
    return id;
  }
  core::OfferId offer() {
    core::OfferId id;
    id.boot = get<std::uint32_t>();
    id.number = get<std::uint64_t>();
    if ((id.boot == 0) != (id.number == 0)) fail();
    return id;
  }
  bool flag() { return up_to(1) != 0; }
  std::uint8_t up_to(std::uint8_t max) {
    const auto value = get<std::uint8_t>();
    if (value > max) fail();
    return value;
  }
  /// Printable text: it is shown to people.
  std::string text() {
    const std::size_t size = get<std::uint8_t>();
    if (in_.size() < size) return fail(), std::string();
    std::string result(reinterpret_cast<const char*>(in_.data()), size);
    in_ = in_.subspan(size);
    for (const char c : result) {
      if (c < ' ' || c > '~') fail();
    }
    return result;
  }
  std::vector<Member> members() {
    std::vector<Member> result;
    const std::size_t count = get<std::uint8_t>();
    if (count > kMembersMax) fail();
    for (std::size_t i = 0; i < count && ok_; ++i) {
      Member member{peer(), {}};
      member.address = text();
      if (!member.id || member.address.empty()) fail();
      result.push_back(std::move(member));
    }
    return result;
  }
  std::vector<BootSeq> boots() {
    constexpr std::size_t kEntry = 12;
    std::vector<BootSeq> result;
    const std::size_t count = get<std::uint16_t>();
    if (count > kBootsMax || in_.size() < count * kEntry) return fail(), result;
    result.reserve(count);
    core::Boot last = 0;
    for (std::size_t i = 0; i < count; ++i) {
      BootSeq entry;
      entry.boot = get<std::uint32_t>();
      entry.seq = get<std::uint64_t>();
      if (entry.boot <= last || entry.seq == 0) fail();  // ascending
      last = entry.boot;
      result.push_back(entry);
    }
    return result;
  }
  core::Plane plane() { return core::Plane{up_to(core::kPlaneCount - 1)}; }
  /// Ascending, at least one, of `payload` bytes together.
  Planes planes(std::size_t payload) {
    Planes result;
    std::size_t sum = 0;
    for (std::size_t left = up_to(core::kPlaneCount); left > 0 && ok_; --left) {
      PlaneData p;
      p.plane = plane(), p.codec = core::Codec{up_to(core::kCodecCount - 1)};
      p.size = get<std::uint32_t>();
      if (!result.empty() && p.plane <= result.back().plane) fail();
      sum += p.size;
      result.push_back(p);
    }
    if (result.empty() || sum != payload) fail();
    return result;
  }
  /// Ascending; the parameters first, unless `empty_too` and there are none.
  core::StateKind state(bool empty_too) {
    core::StateKind kind;
    kind.optimizer = core::Optimizer{up_to(core::kOptimizerCount - 1)};
    kind.planes.clear();
    for (std::size_t left = up_to(core::kPlaneCount); left > 0 && ok_; --left) {
      const core::Plane p = plane();
      if (kind.planes.empty() ? p != core::Plane::kParameters : p <= kind.planes.back()) fail();
      kind.planes.push_back(p);
    }
    if (kind.planes.empty() && !empty_too) fail();
    return kind;
  }
  /// Ascending.
  std::vector<core::TransferId> transfers() {
    std::vector<core::TransferId> result;
    for (std::size_t left = up_to(kWindowMax); left > 0 && ok_; --left) {
      const core::TransferId id = transfer();
      if (id.boot == 0 || (!result.empty() && id <= result.back())) fail();
      result.push_back(id);
    }
    return result;
  }
  std::vector<Decided> decided() {
    std::vector<Decided> result;
    for (std::size_t left = up_to(kWindowMax); left > 0 && ok_; --left) {
      Decided one;
      one.id = transfer(), one.refused = flag();
      for (std::size_t shares = up_to(core::kPlaneCount); shares > 0 && ok_; --shares) {
        one.shares.push_back(get<std::uint16_t>());
      }
      if (one.id.boot == 0 || (!result.empty() && one.id <= result.back().id)) fail();
      result.push_back(std::move(one));
    }
    return result;
  }
  std::vector<Verdict> verdicts() {
    std::vector<Verdict> result;
    for (std::size_t left = up_to(kVerdictsMax); left > 0 && ok_; --left) {
      Verdict v;
      v.loser = get<std::uint64_t>(), v.winner = get<std::uint64_t>();
      if (v.loser == 0 || v.winner == 0 || v.loser == v.winner) fail();
      result.push_back(v);
    }
    return result;
  }
  std::vector<ShardRange> shards() {
    std::vector<ShardRange> result;
    std::uint64_t from = 0;
    for (std::size_t left = up_to(kShardRangesMax); left > 0 && ok_; --left) {
      ShardRange s;
      s.first = get<std::uint32_t>(), s.count = get<std::uint32_t>();
      if (s.first < from || s.count == 0) fail();
      from = std::uint64_t{s.first} + s.count;
      result.push_back(s);
    }
    return result;
  }
  Proof proof() {
    Proof result{};
    if (in_.size() < result.size()) return fail(), result;
    std::memcpy(result.data(), in_.data(), result.size());
    in_ = in_.subspan(result.size());
    return result;
  }
  void fail() { ok_ = false, in_ = {}; }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return in_.empty(); }

 private:
  core::ByteView in_;
  bool ok_ = true;
};

struct BodyWriter {
  Writer& w;
  void operator()(const Hello& m) {
    w.put(std::uint8_t{m.wants_reply}), w.put(m.nonce), w.put(m.echo), w.put(m.process);
    w.put(m.lineage_step), w.put(static_cast<std::uint8_t>(m.rule)), w.put(m.codecs);
    w.put(m.state), w.put(m.shards), w.put(m.proof);
    w.put(m.address), w.put(m.model), w.put(m.verdicts), w.put(m.members);
  }
  void operator()(const Refuse& m) {
    w.put(m.echo), w.put(m.newest_boot), w.put(m.reason.substr(0, kAddressMax));
  }
  void operator()(const Resume& m) {
    w.put(std::uint8_t{m.has_yours}), w.put(std::uint8_t{m.wants_answer});
    w.put(m.facts.created), w.put(m.facts.seen), w.put(m.facts.pending);
  }
  void operator()(const Offer& m) {
    w.put(m.id), w.put(m.shard), w.put(m.expected_staleness), w.put(m.planes);
  }
  void operator()(const Transfer& m) {
    w.put(m.id), w.put(m.offer), w.put(m.shard), w.put(m.weight), w.put(m.mass), w.put(m.step);
    w.put(m.settled), w.put(m.planes);
  }
  void operator()(const Void& m) { w.put(m.id); }
  void operator()(const Receipt& m) {
    w.put(m.up_to), w.put(static_cast<std::uint8_t>(m.decided.size()));
    for (const Decided& one : m.decided) {
      w.put(one.id), w.put(std::uint8_t{one.refused});
      w.put(static_cast<std::uint8_t>(one.shares.size()));
      for (const std::uint16_t share : one.shares) w.put(share);
    }
  }
  void operator()(const Decline& m) {
    w.put(m.offer), w.put(static_cast<std::uint8_t>(m.reason)), w.put(m.retry_ms);
  }
  void operator()(const Ping& m) { w.put(m.members); }
  void operator()(const Pong& m) { w.put(m.members); }
  void operator()(const StateRequest& m) {
    w.put(m.snapshot), w.put(static_cast<std::uint8_t>(m.plane)), w.put(m.offset);
  }
  void operator()(const StateChunk& m) {
    w.put(m.snapshot), w.put(static_cast<std::uint8_t>(m.plane)), w.put(m.offset);
    w.put(m.step), w.put(m.optimizer_steps), w.put(m.state);
  }
  void operator()(const Bye&) {}
};

Body read_body(Type type, std::size_t payload, Reader& r) {
  switch (type) {
    case Type::kHello: {
      Hello m;
      m.wants_reply = r.flag();
      m.nonce = r.get<std::uint64_t>(), m.echo = r.get<std::uint64_t>();
      m.process = r.get<std::uint64_t>(), m.lineage_step = r.get<std::uint64_t>();
      m.rule = Rule{r.up_to(kRuleCount - 1)}, m.codecs = r.get<std::uint32_t>();
      m.state = r.state(false), m.shards = r.shards(), m.proof = r.proof();
      m.address = r.text(), m.model = r.text();
      m.verdicts = r.verdicts(), m.members = r.members();
      if (m.lineage_step > kStepMax) r.fail();
      return m;
    }
    case Type::kRefuse: {
      Refuse m;
      m.echo = r.get<std::uint64_t>(), m.newest_boot = r.get<std::uint32_t>();
      m.reason = r.text();
      return m;
    }
    case Type::kResume: {
      Resume m;
      m.has_yours = r.flag(), m.wants_answer = r.flag();
      m.facts.created = r.boots(), m.facts.seen = r.boots(), m.facts.pending = r.transfers();
      return m;
    }
    case Type::kOffer: {
      Offer m;
      m.id = r.offer(), m.shard = r.get<std::uint32_t>();
      m.expected_staleness = r.get<std::uint32_t>(), m.planes = r.planes(payload);
      if (m.id.boot == 0) r.fail();
      return m;
    }
    case Type::kTransfer: {
      Transfer m;
      m.id = r.transfer(), m.offer = r.offer(), m.shard = r.get<std::uint32_t>();
      m.weight = r.get<float>(), m.mass = r.get<double>(), m.step = r.get<std::uint64_t>();
      m.settled = r.transfer(), m.planes = r.planes(payload);
      if (m.id.boot == 0 || m.settled > m.id || m.step > kStepMax ||
          !(m.mass >= 0 && m.mass <= kMassMax))
        r.fail();
      return m;
    }
    case Type::kVoid: {
      const Void m{r.transfer()};
      if (m.id.boot == 0) r.fail();
      return m;
    }
    case Type::kReceipt: {
      Receipt m;
      m.up_to = r.transfer(), m.decided = r.decided();
      if (!m.decided.empty() && m.decided.back().id > m.up_to) r.fail();
      return m;
    }
    case Type::kDecline: {
      Decline m;
      m.offer = r.offer(), m.reason = DeclineReason{r.up_to(kDeclineReasonMax)};
      m.retry_ms = r.get<std::uint32_t>();
      return m;
    }
    case Type::kPing:
      return Ping{r.members()};
    case Type::kPong:
      return Pong{r.members()};
    case Type::kStateRequest: {
      StateRequest m;
      m.snapshot = r.get<std::uint32_t>(), m.plane = r.plane(), m.offset = r.get<std::uint64_t>();
      return m;
    }
    case Type::kStateChunk: {
      StateChunk m;
      m.snapshot = r.get<std::uint32_t>(), m.plane = r.plane(), m.offset = r.get<std::uint64_t>();
      m.step = r.get<std::uint64_t>(), m.optimizer_steps = r.get<std::uint64_t>();
      m.state = r.state(true);
      if (m.step > kStepMax || m.optimizer_steps > kStepMax) r.fail();
      return m;
    }
    case Type::kBye:
      return Bye{};
  }
  r.fail();
  return Bye{};
}

/// Nobody has made anything in a boot that is still to come.
bool claims_later_boot(core::Boot now, const Body& body) {
  if (const auto* m = std::get_if<Offer>(&body)) return m->id.boot > now;
  if (const auto* m = std::get_if<Transfer>(&body)) return m->id.boot > now;
  if (const auto* m = std::get_if<Void>(&body)) return m->id.boot > now;
  if (const auto* m = std::get_if<Resume>(&body)) {
    const auto& [created, seen, pending] = m->facts;
    return (!pending.empty() && pending.back().boot > now) ||
           (!created.empty() && created.back().boot > now);
  }
  return false;
}

constexpr bool takes_payload(Type type) {
  return type == Type::kOffer || type == Type::kTransfer || type == Type::kStateChunk;
}

std::uint32_t checksum(core::ByteView head, core::ByteView payload) {
  constexpr std::array<std::byte, 4> kZero{};
  std::uint32_t crc = core::crc32c(head.first(kCrcOffset));
  crc = core::crc32c(kZero, crc);
  crc = core::crc32c(head.subspan(kCrcOffset + 4), crc);
  return core::crc32c(payload, crc);
}

}  // namespace

core::Bytes encode(Header header, const Body& body, core::ByteView payload) {
  header.type = Type{static_cast<std::uint8_t>(body.index() + 1)};
  core::Bytes out;
  out.reserve(kHeaderSize + 64);
  Writer w(out);
  w.put(kMagic), w.put(header.version), w.put(static_cast<std::uint8_t>(header.type));
  w.put(static_cast<std::uint8_t>(header.phase)), w.put(header.schema);
  w.put(header.swarm), w.put(header.lineage);
  w.put(header.src), w.put(header.dst), w.put(header.src_boot), w.put(header.dst_boot);
  w.put(header.step);
  w.put(std::uint32_t{0}), w.put(static_cast<std::uint32_t>(payload.size())),
      w.put(std::uint32_t{0});
  std::visit(BodyWriter{w}, body);
  CHECK_INVARIANT(out.size() <= kHeadMax);
  const auto body_size = static_cast<std::uint32_t>(out.size() - kHeaderSize);
  std::memcpy(out.data() + kBodySizeOffset, &body_size, 4);
  const std::uint32_t crc = checksum(out, payload);
  std::memcpy(out.data() + kCrcOffset, &crc, 4);
  return out;
}

tl::expected<Header, Reject> peek(core::ByteView head, core::ByteView payload,
                                  std::size_t payload_max) {
  if (head.empty()) return tl::make_unexpected(Reject::kFrames);
  if (head.size() < kHeaderSize || head.size() > kHeadMax || payload.size() > payload_max) {
    return tl::make_unexpected(Reject::kSize);
  }
  Reader r(head);
  if (r.get<std::uint32_t>() != kMagic) return tl::make_unexpected(Reject::kMagic);
  Header h;
  h.version = r.get<std::uint16_t>();
  const auto type = r.get<std::uint8_t>();
  h.type = Type{type};
  const bool frozen = h.type == Type::kHello || h.type == Type::kRefuse;
  if (h.version != kVersion && !(frozen && h.version >= kVersionFrozen))
    return tl::make_unexpected(Reject::kVersion);
  if (type < 1 || type > kTypeMax) return tl::make_unexpected(Reject::kType);
  const auto phase = r.get<std::uint8_t>();
  h.phase = Phase{phase};
  h.schema = r.get<std::uint64_t>();
  h.swarm = r.get<std::uint64_t>(), h.lineage = r.get<std::uint64_t>();
  h.src = r.peer(), h.dst = r.peer();
  h.src_boot = r.get<std::uint32_t>(), h.dst_boot = r.get<std::uint32_t>();
  h.step = r.get<std::uint64_t>();
  h.body_size = r.get<std::uint32_t>(), h.payload_size = r.get<std::uint32_t>();
  h.crc = r.get<std::uint32_t>();
  if (!takes_payload(h.type) && !payload.empty()) return tl::make_unexpected(Reject::kFrames);
  if (h.body_size != head.size() - kHeaderSize || h.payload_size != payload.size()) {
    return tl::make_unexpected(Reject::kSize);
  }
  if (phase > static_cast<std::uint8_t>(Phase::kDone) || !h.src || h.src_boot == 0 ||
      h.step > kStepMax) {
    return tl::make_unexpected(Reject::kField);
  }
  return h;
}

bool checksum_ok(core::ByteView head, core::ByteView payload) {
  std::uint32_t crc = 0;
  std::memcpy(&crc, head.data() + kCrcOffset, 4);
  return crc == checksum(head, payload);
}

tl::expected<Body, Reject> parse(const Header& header, core::ByteView head) {
  Reader r(head.subspan(kHeaderSize));
  Body body = read_body(header.type, header.payload_size, r);
  if (!r.ok() || !r.at_end() || claims_later_boot(header.src_boot, body)) {
    return tl::make_unexpected(Reject::kField);
  }
  return body;
}

}  // namespace murmur::gossip::wire
