#include <cmath>
#include <cstring>
#include <utility>

#include "gossip/work.hpp"

namespace murmur::gossip {
namespace {

bool all_finite(core::ByteView planes) {
  for (std::size_t at = 0; at + sizeof(float) <= planes.size(); at += sizeof(float)) {
    float value = 0;
    std::memcpy(&value, planes.data() + at, sizeof value);
    if (!std::isfinite(value)) return false;
  }
  return true;
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
    core::Bytes state = pool.take();
    replica.save(state);
    core::Bytes checkpoint = pool.take();
    join_checkpoint(work.protocol, state, checkpoint);
    auto result = storage.save(checkpoint);
    pool.share(std::move(state));
    pool.share(std::move(checkpoint));
    return Saved{std::move(result)};
  }
  WorkResult operator()(const TakeSnapshot&) const {
    auto taken = std::make_shared<const core::Snapshot>(replica.snapshot());
    return SnapshotTaken{all_finite(taken->planes) ? std::move(taken) : nullptr};
  }
  WorkResult operator()(const Adopt& work) const {
    return Adopted{replica.adopt(work.state)};
  }
};

}  // namespace

WorkResult perform(Work work, core::Replica& replica, core::Storage& storage,
                   core::BufferPool& pool) {
  return std::visit(Performer{replica, storage, pool}, work);
}

void join_checkpoint(core::ByteView protocol, core::ByteView replica, core::Bytes& out) {
  const std::uint64_t size = protocol.size();
  const auto* begin = reinterpret_cast<const std::byte*>(&size);
  out.assign(begin, begin + sizeof size);
  out.insert(out.end(), protocol.begin(), protocol.end());
  out.insert(out.end(), replica.begin(), replica.end());
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
