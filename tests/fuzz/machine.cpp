// Two machines and a third that is made of the input: structured events in any order. Messages
// reach them well formed, with a right checksum, from ids, boots and numbers that are often true;
// works end, or not, and time passes. Nothing may break, grow past its bounds, or mix what is not
// finite.
#include "gossip/machine.hpp"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "core/storage.hpp"
#include "gossip/wire.hpp"
#include "gossip/work.hpp"
#include "tests/gossip/one_float.hpp"

using namespace murmur;
using gossip::wire::Type;

namespace {

/// What is left of the input; zeros once it is used up.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  [[nodiscard]] bool empty() const { return size_ == 0; }
  std::uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::uint8_t below(std::uint8_t n) { return static_cast<std::uint8_t>(byte() % n); }
  std::uint64_t number() {  // mostly small
    const std::uint8_t first = byte();
    if (first < 250) return first;
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | byte();
    return value;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

constexpr std::size_t kPeers = 2;

struct Peer {
  gossip::test::OneFloat replica{1.0F};
  core::MemoryStorage storage;
  std::unique_ptr<gossip::Machine> machine;
  std::optional<gossip::Work> work;
};

struct World {
  core::Instant now{};
  std::vector<Peer> peers{kPeers};
  std::vector<gossip::Send> sent;  // of late
  core::BufferPool pool;

  static gossip::Address address(std::size_t i) { return "p:" + std::to_string(i); }

  void start(std::size_t i, bool resume) {
    Peer& peer = peers[i];
    gossip::Config config;
    config.advertise = address(i);
    config.exchange_every = 1;
    config.save_every = std::chrono::milliseconds(50);
    config.links_max = 8;
    if (i > 0) config.join = {address(0)};
    const auto self = *peer.storage.start({0, i + 1});
    std::optional<core::ByteView> saved;
    std::optional<gossip::Checkpoint> checkpoint;
    if (resume) {
      if (const auto stored = *peer.storage.load()) checkpoint = *gossip::split_checkpoint(*stored);
    }
    if (checkpoint) {
      (void)peer.replica.load(checkpoint->replica);
      saved = core::ByteView(checkpoint->protocol);
    }
    peer.work.reset();
    peer.machine = std::make_unique<gossip::Machine>(now, self, config, peer.replica.schema(),
                                                     core::Rng(1, i, "fuzz"), saved);
    drain(i);
  }

  void drain(std::size_t i) {
    while (auto effect = peers[i].machine->poll()) {
      if (auto* send = std::get_if<gossip::Send>(&*effect)) {
        if (sent.size() < 64) sent.push_back(std::move(*send));
      } else if (auto* work = std::get_if<gossip::Work>(&*effect)) {
        if (peers[i].work) std::abort();
        peers[i].work = std::move(*work);
      }
    }
    if (peers[i].machine->queued() > 4096) std::abort();
    if (peers[i].machine->neighbours().size() > 8) std::abort();
    if (!(std::abs(peers[i].replica.x) < 1e30F)) std::abort();
  }

  void deliver(gossip::Received message, std::size_t to) {
    peers[to].machine->handle(now, gossip::Event(std::move(message)));
    drain(to);
  }
};

core::PeerId some_id(Input& in) { return {0, 1U + in.below(4)}; }

core::Payload floats(Input& in) {
  core::Bytes bytes(4);
  const auto value = static_cast<float>(in.byte()) / 16 - 8;
  std::memcpy(bytes.data(), &value, sizeof value);
  return std::make_shared<const core::Bytes>(std::move(bytes));
}

/// A message from a third, or in the name of one of the two.
void forge(World& world, Input& in) {
  const std::size_t to = in.below(kPeers);
  const auto type = static_cast<std::uint8_t>(1 + in.below(gossip::wire::kTypeMax));
  gossip::wire::Header header;
  header.type = Type{type};
  header.phase = gossip::Phase{in.below(5)};
  header.schema = world.peers[to].replica.schema().hash();
  header.lineage = in.below(4) == 0 ? in.number() : world.peers[to].machine->status().lineage;
  header.src = some_id(in);
  header.dst = {0, to + 1};
  header.src_boot = 1U + in.below(3);
  header.dst_boot = world.peers[to].machine->self().boot;
  header.step = in.number();
  const bool carries = type == 4 || type == 5 || type == 12;
  const core::Payload payload = carries ? floats(in) : nullptr;
  header.payload_size = static_cast<std::uint32_t>(core::view(payload).size());
  // The body is of raw bytes: as often as not it parses.
  core::Bytes head = gossip::wire::encode(header, gossip::wire::Bye{}, core::view(payload));
  head[6] = std::byte{type};
  for (std::size_t n = in.byte(); n > 0; --n) head.push_back(std::byte{in.byte()});
  const auto body = static_cast<std::uint32_t>(head.size() - gossip::wire::kHeaderSize);
  std::memcpy(head.data() + 80, &body, sizeof body);
  std::uint32_t crc = 0;
  std::memcpy(head.data() + 88, &crc, sizeof crc);
  crc = core::crc32c(core::view(payload), core::crc32c(head));
  std::memcpy(head.data() + 88, &crc, sizeof crc);
  world.deliver({std::move(head), payload, "p"}, to);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input in(data, size);
  World world;
  for (std::size_t i = 0; i < kPeers; ++i) world.start(i, false);
  for (int event = 0; event < 400 && !in.empty(); ++event) {
    switch (in.below(8)) {
      case 0:
      case 1: {  // what was sent arrives, in any order, once or more
        if (world.sent.empty()) break;
        const std::size_t which = in.byte() % world.sent.size();
        const gossip::Send& send = world.sent[which];
        for (std::size_t to = 0; to < kPeers; ++to) {
          if (send.to == World::address(to)) {
            gossip::Received message{send.head, send.payload, "p"};
            if (in.below(4) != 0) world.sent.erase(world.sent.begin() + static_cast<long>(which));
            world.deliver(std::move(message), to);
            break;
          }
        }
        break;
      }
      case 2:
      case 3: {  // a work ends
        const std::size_t i = in.below(kPeers);
        Peer& peer = world.peers[i];
        if (!peer.work) break;
        gossip::WorkDone done{gossip::perform(*std::exchange(peer.work, std::nullopt), peer.replica,
                                              peer.storage, world.pool),
                              std::chrono::microseconds(100)};
        peer.machine->handle(world.now, gossip::Event(std::move(done)));
        world.drain(i);
        break;
      }
      case 4:
        world.now += std::chrono::milliseconds(1 + in.byte() * 4);
        for (std::size_t i = 0; i < kPeers; ++i) {
          world.peers[i].machine->on_deadline(world.now);
          world.drain(i);
        }
        break;
      case 5: {
        const std::size_t i = in.below(kPeers);
        if (in.below(8) == 0) world.start(i, in.below(2) == 0);
        break;
      }
      default:
        forge(world, in);
    }
  }
  return 0;
}
