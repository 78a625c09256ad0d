#include "gpu/replica_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "core/check.hpp"

namespace murmur::gpu {
namespace {

static_assert(std::endian::native == std::endian::little, "the state is written as it lies");

struct Header {
  std::uint64_t magic;
  std::uint64_t schema;
  std::uint64_t parameters;
  std::uint32_t optimizer;
  std::uint32_t slots;
  std::uint64_t optimizer_steps;
  std::uint64_t epoch;
  std::uint64_t position;
  std::uint64_t stream;
};
static_assert(sizeof(Header) == 64);

constexpr std::uint64_t kMagic = 0x3130'4554'4154'534d;  // "MSTATE01"
constexpr std::size_t kCrcSize = sizeof(std::uint32_t);

std::size_t state_size(const core::Schema& schema, std::size_t slots) {
  return sizeof(Header) + (1 + slots) * schema.parameters() * sizeof(float) + kCrcSize;
}

/// `kind` as it stands in a state, which may be anything.
std::string optimizer_name(std::uint32_t kind, std::size_t slots) {
  if (kind == static_cast<std::uint32_t>(OptimizerKind::kSgd)) {
    return slots == 0 ? "sgd without momentum" : "sgd with momentum";
  }
  if (kind == static_cast<std::uint32_t>(OptimizerKind::kAdam)) return "adam";
  if (kind == static_cast<std::uint32_t>(OptimizerKind::kAdamW)) return "adamw";
  return fmt::format("optimizer {}", kind);
}

/// Of `theirs`, planes of `plane` bytes: all of it, or of another kind the parameters.
std::size_t taken_size(const core::Snapshot& theirs, const core::StateKind& own,
                       std::size_t plane) {
  return theirs.kind == own ? theirs.planes.size() : plane;
}

}  // namespace

std::size_t optimizer_slots(const OptimizerSpec& spec) {
  if (spec.kind != OptimizerKind::kSgd) return 2;
  return spec.momentum != 0.0F ? 1 : 0;
}

core::StateKind state_kind(const OptimizerSpec& spec) {
  core::StateKind kind;
  kind.optimizer = core::Optimizer{static_cast<std::uint8_t>(spec.kind)};
  const std::size_t slots = optimizer_slots(spec);
  if (slots > 0) kind.planes.push_back(core::Plane::kFirstMoment);
  if (slots > 1) kind.planes.push_back(core::Plane::kSecondMoment);
  return kind;
}

core::Result<void> check_adoption(const core::Snapshot& theirs, const core::StateKind& own,
                                  const core::Schema& schema) {
  const std::size_t plane = schema.parameters() * sizeof(float);
  if (theirs.kind.planes.empty() || theirs.kind.planes.front() != core::Plane::kParameters) {
    return core::fail("a state without parameters");
  }
  if (theirs.planes.size() != theirs.kind.planes.size() * plane) {
    return core::fail(fmt::format("{} B, but {} planes of {} have {} B", theirs.planes.size(),
                                  theirs.kind.planes.size(), schema.model(),
                                  theirs.kind.planes.size() * plane));
  }
  const std::size_t taken = taken_size(theirs, own, plane);
  std::array<float, 1024> window;  // a part may begin and end within a number
  for (std::size_t at = 0; at < taken; at += sizeof window) {
    const std::span values(window.data(), std::min(sizeof window, taken - at) / sizeof(float));
    theirs.planes.copy_to(std::as_writable_bytes(values), at);
    if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
      return core::fail("a value is not finite");
    }
  }
  return {};
}

core::Result<std::vector<float>> adopted_arrays(const core::Snapshot& theirs,
                                                const core::StateKind& own,
                                                const core::Schema& schema) {
  if (auto ok = check_adoption(theirs, own, schema); !ok) return tl::make_unexpected(ok.error());
  std::vector<float> arrays(own.planes.size() * schema.parameters());
  const std::size_t taken = taken_size(theirs, own, schema.parameters() * sizeof(float));
  theirs.planes.copy_to(std::as_writable_bytes(std::span(arrays)).first(taken));
  return arrays;
}

void begin_state(const ReplicaState& state, const core::Schema& schema, const OptimizerSpec& spec,
                 core::Bytes& out) {
  const std::size_t slots = optimizer_slots(spec);
  out.resize(state_size(schema, slots));
  const Header header{.magic = kMagic,
                      .schema = schema.hash(),
                      .parameters = schema.parameters(),
                      .optimizer = static_cast<std::uint32_t>(spec.kind),
                      .slots = static_cast<std::uint32_t>(slots),
                      .optimizer_steps = state.optimizer_steps,
                      .epoch = state.place.epoch,
                      .position = state.place.position,
                      .stream = state.stream};
  std::memcpy(out.data(), &header, sizeof(header));
}

std::span<float> state_arrays(core::Bytes& out) {
  CHECK_INVARIANT(out.size() >= sizeof(Header) + kCrcSize);
  return {reinterpret_cast<float*>(out.data() + sizeof(Header)),
          (out.size() - sizeof(Header) - kCrcSize) / sizeof(float)};
}

void seal_state(core::Bytes& out) {
  const std::size_t body = out.size() - kCrcSize;
  const std::uint32_t crc = core::crc32c(core::ByteView(out).first(body));
  std::memcpy(out.data() + body, &crc, kCrcSize);
}

core::Result<ReplicaState> read_state(core::ByteView bytes, const core::Schema& schema,
                                      const OptimizerSpec& spec, std::span<float> arrays) {
  const std::size_t slots = optimizer_slots(spec);
  CHECK_INVARIANT(arrays.size() == (1 + slots) * schema.parameters());
  Header header;
  if (bytes.size() < sizeof(header) + kCrcSize) {
    return core::fail(fmt::format("replica state: {} B is no state at all", bytes.size()));
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != kMagic) return core::fail("replica state: not one of this version");
  if (header.schema != schema.hash() || header.parameters != schema.parameters()) {
    return core::fail(fmt::format("replica state: of another model than {}", schema.model()));
  }
  if (header.optimizer != static_cast<std::uint32_t>(spec.kind) || header.slots != slots) {
    return core::fail(fmt::format("replica state: of {}, and this replica has {}",
                                  optimizer_name(header.optimizer, header.slots),
                                  optimizer_name(static_cast<std::uint32_t>(spec.kind), slots)));
  }
  if (bytes.size() != state_size(schema, slots)) {
    return core::fail(fmt::format("replica state: {} B, but {} has {} B", bytes.size(),
                                  schema.model(), state_size(schema, slots)));
  }
  const std::size_t body = bytes.size() - kCrcSize;
  std::uint32_t crc = 0;
  std::memcpy(&crc, bytes.data() + body, kCrcSize);
  if (crc != core::crc32c(bytes.first(body))) {
    return core::fail("replica state: damaged (its checksum does not match)");
  }
  std::memcpy(arrays.data(), bytes.data() + sizeof(header), arrays.size_bytes());
  if (!std::ranges::all_of(arrays, [](float value) { return std::isfinite(value); })) {
    return core::fail("replica state: a value is not finite");
  }
  return ReplicaState{header.optimizer_steps, {header.epoch, header.position}, header.stream};
}

}  // namespace murmur::gpu
