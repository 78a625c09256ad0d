#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/check.hpp"
#include "gossip/work.hpp"

namespace murmur::gossip {
namespace {

bool all_finite(const core::Parts& planes) {
  for (std::size_t at = 0; at < planes.size();) {
    const core::Payload part = planes.read(at, planes.size());
    for (std::size_t i = 0; i + sizeof(float) <= part->size(); i += sizeof(float)) {
      float value = 0;
      std::memcpy(&value, part->data() + i, sizeof value);
      if (!std::isfinite(value)) return false;
    }
    at += part->size();
  }
  return true;
}

/// Of two draws that both were trained, one may be behind, by half of the other's steps at most.
/// Where there is nothing held out to tell by, nothing is worse.
bool clearly_worse(const core::Evaluation& theirs, const core::Evaluation& own) {
  constexpr double kAccuracy = 0.75;
  constexpr double kLoss = 10;
  if (std::isfinite(own.accuracy)) return !(theirs.accuracy >= kAccuracy * own.accuracy);
  return std::isfinite(own.loss) && !(theirs.loss <= kLoss * own.loss);
}

std::string compared(const core::Evaluation& theirs, const core::Evaluation& own) {
  if (std::isfinite(own.accuracy)) {
    return fmt::format("accuracy {:.2f} % on this peer's held-out rows, its own has {:.2f} %",
                       100 * theirs.accuracy, 100 * own.accuracy);
  }
  return fmt::format("loss {:.4g} on this peer's held-out rows, its own has {:.4g}", theirs.loss,
                     own.loss);
}

struct Performer {
  core::Replica& replica;
  core::Storage& storage;
  core::BufferPool& pool;

  WorkResult operator()(const Train& work) const {
    return Trained{work.steps, replica.train(work.steps)};
  }
  WorkResult operator()(const MakeOffer& work) const {
    core::Bytes out = pool.take();
    const core::Codec codec = replica.offer(work.shard, work.codec, out);
    return OfferMade{codec, pool.share(std::move(out))};
  }
  WorkResult operator()(const Respond& work) const {
    core::Bytes out = pool.take();
    core::Codec codec = work.codec;
    auto mix = replica.respond(work.shard, work.offer_codec, core::view(work.offer), codec,
                               work.seed, work.weight, out);
    return Responded{std::move(mix), codec, pool.share(std::move(out))};
  }
  WorkResult operator()(const Absorb& work) const {
    return Absorbed{replica.absorb(work.shard, work.codec, core::view(work.delta), work.weight)};
  }
  WorkResult operator()(const Evaluate&) const { return Evaluated{replica.evaluate()}; }
  WorkResult operator()(const Save& work) const {
    // Not of the pool: payloads would then keep buffers of a state's size, which is many times
    // theirs.
    core::Bytes checkpoint;
    save_with_room(work.protocol.size(), checkpoint);
    join_checkpoint(work.protocol, checkpoint);
    return Saved{storage.save(checkpoint)};
  }
  WorkResult operator()(const TakeSnapshot&) const {
    auto taken = std::make_shared<const core::Snapshot>(replica.snapshot());
    return SnapshotTaken{all_finite(taken->planes) ? std::move(taken) : nullptr};
  }
  WorkResult operator()(const Adopt& work) const {
    if (work.instead) return adopt_instead(work);
    return Adopted{replica.adopt(work.state), 0, {}};
  }
  WorkResult operator()(const RaiseBoot& work) const {
    return BootRaised{storage.raise_boot(work.past)};
  }

 private:
  /// The replica, with room for what the machine saves: beside a large one there may be none for
  /// another of its size.
  void save_with_room(std::size_t protocol, core::Bytes& out) const {
    constexpr std::size_t kBeside = 4096;  // what frames the planes in a state, and some
    const std::size_t plane = replica.schema().parameters() * sizeof(float);
    out.reserve(replica.state_kind().planes.size() * plane + protocol + kBeside);
    replica.save(out);
  }

  [[nodiscard]] Adopted adopt_instead(const Adopt& work) const {
    core::Bytes own;
    save_with_room(work.instead->protocol.size(), own);
    const core::Evaluation before = replica.evaluate();
    if (auto adopted = replica.adopt(work.state); !adopted) return {std::move(adopted), 0, {}};
    const auto put_back = [&](std::string why) {
      CHECK_INVARIANT(replica.load(own).has_value());
      return Adopted{core::fail(std::move(why)), 0, {}};
    };
    const core::Evaluation after = replica.evaluate();
    if (clearly_worse(after, before)) return put_back(compared(after, before));
    const auto boot = storage.raise_boot(work.instead->boot);
    if (!boot) return put_back("no boot can be counted: " + boot.error().message);
    join_checkpoint(work.instead->protocol, own);
    const auto kept = storage.keep(work.instead->kept_as, own);
    return {{}, *boot, kept ? std::string() : "the old state is not kept: " + kept.error().message};
  }
};

}  // namespace

WorkResult perform(Work work, core::Replica& replica, core::Storage& storage,
                   core::BufferPool& pool) {
  return std::visit(Performer{replica, storage, pool}, work);
}

void join_checkpoint(core::ByteView protocol, core::Bytes& replica) {
  const std::uint64_t size = protocol.size();
  replica.insert(replica.begin(), sizeof size + protocol.size(), std::byte{});
  std::memcpy(replica.data(), &size, sizeof size);
  std::copy(protocol.begin(), protocol.end(), replica.begin() + sizeof size);
}

core::Result<Checkpoint> split_checkpoint(core::ByteView bytes) {
  std::uint64_t size = 0;
  if (bytes.size() < sizeof size) return core::fail("checkpoint: shorter than its first field");
  std::memcpy(&size, bytes.data(), sizeof size);
  bytes = bytes.subspan(sizeof size);
  if (size > bytes.size()) return core::fail("checkpoint: protocol part is longer than the file");
  const core::ByteView protocol = bytes.first(size);
  const core::ByteView replica = bytes.subspan(size);
  return Checkpoint{core::Bytes(protocol.begin(), protocol.end()),
                    core::Bytes(replica.begin(), replica.end())};
}

}  // namespace murmur::gossip
