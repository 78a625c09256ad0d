#include "net/node.hpp"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>
#include <variant>
#include <vector>

#include "core/codec.hpp"
#include "net/endpoint.hpp"
#include "net/lane.hpp"
#include "net/transport.hpp"
#include "net/wake_event.hpp"

namespace murmur::net {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kStatusEvery = 250ms;
/// Messages taken before the lane is looked after again: a flood must not keep it waiting.
constexpr int kMessagesAtOnce = 32;
/// Buffers of the lane that are kept: an exchange has at most two in use, in each direction.
constexpr std::size_t kBuffersKept = 4;
constexpr std::size_t kMiB = std::size_t{1} << 20;

core::Instant now() {
  return core::Instant(std::chrono::duration_cast<core::Duration>(
      std::chrono::steady_clock::now().time_since_epoch()));
}

/// Whole milliseconds until `at`, rounded up and at least one: a deadline may be met that much
/// late, but is never waited for in a busy loop.
long milliseconds_until(core::Instant at, core::Instant now) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(at - now).count();
  return std::clamp<long>(left, 1, 60'000);
}

std::size_t largest_shard(const core::Schema& schema) {
  std::size_t most = 0;
  for (core::ShardId shard = 0; shard < schema.shards(); ++shard) {
    most = std::max(most, core::encoded_size(core::Codec::kFp32, schema.shard(shard).size));
  }
  return most;
}

/// What the longest honest payload takes: a shard as fp32, or a piece of a state, of which a donor
/// may choose the size.
std::size_t payload_max(const core::Schema& schema, const gossip::Config& config) {
  return std::max({kMiB, config.state_chunk, largest_shard(schema)});
}

/// What a run may grow by after its start, with room to spare: a state (parameters and at most two
/// moments) being copied here, two kept for newcomers and two buffers of a save; outboxes and what
/// waits to be absorbed (gossip::Config).
std::size_t memory_max(const core::Schema& schema, const gossip::Config& config) {
  constexpr std::size_t kRoom = MURMUR_ROOM_MIB * kMiB;
  constexpr std::size_t kStates = 5;
  const std::size_t state = 3 * sizeof(float) * schema.parameters();
  return kRoom + kStates * state + 2 * config.links_max * largest_shard(schema);
}

/// glibc gives buffers past 128 KiB back to the kernel at each free, and touching them again costs
/// more than the copy into them: a shard's frames are allocated anew with each message.
void keep_freed_buffers() {
  mallopt(M_MMAP_THRESHOLD, 64 * kMiB);
  mallopt(M_TRIM_THRESHOLD, 64 * kMiB);
}

/// The loop of one run: events from the transport, the lane and the clock into the machine, and the
/// machine's effects out.
class Driver {
 public:
  Driver(Transport& transport, WakeEvent& wake, const std::atomic<int>& stops_asked,
         gossip::Machine& machine, Lane& lane, const OnReport& on_report, const OnStatus& on_status)
      : transport_(transport),
        wake_(wake),
        stops_asked_(stops_asked),
        machine_(machine),
        lane_(lane),
        on_report_(on_report),
        on_status_(on_status) {}

  core::Result<void> run() {
    carry_out_effects();
    while (machine_.phase() != gossip::Phase::kDone) {
      wait();
      if (const int asked = stops_asked_.load(); asked > std::exchange(stops_given_, asked)) {
        give(gossip::Stop{asked > 1});
      }
      take_messages();
      if (core::Result<void> taken = take_work(); !taken) return taken;
      if (const auto deadline = machine_.next_deadline(); deadline && *deadline <= now()) {
        machine_.on_deadline(now());
        carry_out_effects();
      }
      keep_house();
      auto dropped = transport_.tend(now());
      if (!dropped) return tl::make_unexpected(dropped.error());
      if (*dropped) report(gossip::NoticeReport{std::move(**dropped)});
      for (std::string& words : transport_.take_notices()) {
        report(gossip::NoticeReport{std::move(words)});
      }
      for (const core::PeerId peer : transport_.take_distrusted()) give(gossip::Distrusted{peer});
      for (gossip::Address& from : transport_.take_disconnected()) {
        give(gossip::Disconnected{std::move(from)});
      }
    }
    if (machine_.failure()) return core::fail(*machine_.failure());
    return {};
  }

 private:
  void give(gossip::Event event) {
    machine_.handle(now(), std::move(event));
    carry_out_effects();
  }

  void carry_out_effects() {
    while (std::optional<gossip::Effect> effect = machine_.poll()) {
      if (auto* send = std::get_if<gossip::Send>(&*effect)) {
        const core::Instant time = now();
        if (!transport_.send(time, send->to, send->head, send->payload, send->dst, send->greets)) {
          machine_.handle(time, gossip::Undeliverable{std::move(send->to)});
        }
      } else if (auto* work = std::get_if<gossip::Work>(&*effect)) {
        lane_.start(std::move(*work));
      } else if (const auto* shun = std::get_if<gossip::Shun>(&*effect)) {
        transport_.shun(now(), shun->peer, shun->lasting);
      } else {
        report(std::get<gossip::Report>(*effect));
      }
    }
  }

  void report(const gossip::Report& report) {
    if (on_report_) on_report_(now(), report);
  }

  void wait() {
    core::Instant until = next_status_;
    if (const auto deadline = machine_.next_deadline()) until = std::min(until, *deadline);
    transport_.wait(wake_.fd(), milliseconds_until(until, now()));
    wake_.clear();
  }

  void take_messages() {
    for (int taken = 0; taken < kMessagesAtOnce; ++taken) {
      std::optional<gossip::Received> message = transport_.receive();
      if (!message) return;
      give(std::move(*message));
    }
  }

  core::Result<void> take_work() {
    // Nearly always one; but the next may be done by the time the first has been handled.
    while (auto result = lane_.take()) {
      if (!*result) return core::fail(std::move(result->error().message));
      give(std::move(**result));
    }
    return {};
  }

  void keep_house() {
    const core::Instant time = now();
    if (time >= next_status_) {
      next_status_ = time + kStatusEvery;
      if (on_status_) on_status_(machine_.status(), machine_.counters());
    }
  }

  Transport& transport_;
  WakeEvent& wake_;
  const std::atomic<int>& stops_asked_;
  gossip::Machine& machine_;
  Lane& lane_;
  const OnReport& on_report_;
  const OnStatus& on_status_;
  int stops_given_ = 0;
  core::Instant next_status_ = now() + kStatusEvery;
};

}  // namespace

struct Node::Impl {
  std::unique_ptr<Transport> transport;
  gossip::Address advertise;
  WakeEvent wake;
  std::atomic<int> stops_asked = 0;  // two are told apart
  static_assert(std::atomic<int>::is_always_lock_free);
};

core::Result<gossip::Address> resolve(const gossip::Address& address) {
  return parse_endpoint(address).and_then(resolve_endpoint).map([](const Endpoint& endpoint) {
    return to_string(endpoint);
  });
}

core::Result<std::unique_ptr<Node>> Node::open(const NodeConfig& config) {
  const core::Result<Endpoint> listen = parse_endpoint(config.listen).and_then(resolve_endpoint);
  if (!listen) return core::fail("cannot listen: " + listen.error().message);
  if (!is_loopback(*listen) && config.keys.empty() && !config.insecure) {
    return core::fail(fmt::format(
        "cannot listen on {}: it is not loopback, and without --key messages are neither "
        "authenticated nor encrypted; --insecure allows it",
        config.listen));
  }
  core::Result<Door> door = read_door(config.keys, config.trust);
  if (!door) return tl::make_unexpected(door.error());
  auto impl = std::make_unique<Impl>();
  if (impl->wake.fd() < 0) return core::fail("cannot listen: out of file descriptors");
  core::Result<std::unique_ptr<Transport>> transport = Transport::open(*listen, std::move(*door));
  if (!transport) return tl::make_unexpected(transport.error());
  impl->transport = std::move(*transport);

  Endpoint advertised = impl->transport->bound();
  if (!config.advertise.empty()) {
    const core::Result<Endpoint> wanted =
        parse_endpoint(config.advertise).and_then(resolve_endpoint);
    if (!wanted) return core::fail("cannot advertise: " + wanted.error().message);
    advertised = Endpoint{wanted->host, wanted->port != 0 ? wanted->port : advertised.port};
  }
  impl->advertise = to_string(advertised);
  keep_freed_buffers();
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() = default;

gossip::Address Node::address() const { return to_string(impl_->transport->bound()); }

void Node::call_as(const core::KeyPair& keys) { impl_->transport->call_as(keys); }

Outcome Node::run(core::Replica& replica, core::Storage& storage, gossip::Config config,
                  core::Identity self, std::optional<core::Bytes> saved, core::Rng rng,
                  const OnReport& on_report, const OnStatus& on_status) {
  Outcome outcome;
  config.advertise = impl_->advertise;
  impl_->transport->introduce(config);
  config.state = replica.state_kind();
  for (gossip::Address& contact : config.join) {
    core::Result<gossip::Address> resolved = resolve(contact);
    if (!resolved) {
      outcome.result = core::fail("cannot join: " + resolved.error().message);
      return outcome;
    }
    contact = std::move(*resolved);
  }
  std::optional<core::ByteView> restored;
  if (saved) {
    restored = *saved;
    if (auto step = gossip::saved_step(*restored, self, replica.schema()); !step) {
      outcome.result = tl::make_unexpected(step.error());
      return outcome;
    }
  }
  impl_->transport->set_payload_max(payload_max(replica.schema(), config));
  impl_->transport->set_memory_max(memory_max(replica.schema(), config));

  core::BufferPool pool(kBuffersKept);
  gossip::Machine machine(now(), self, config, replica.schema(), rng, restored);
  {
    Lane lane(replica, storage, pool, impl_->wake);
    Driver driver(*impl_->transport, impl_->wake, impl_->stops_asked, machine, lane, on_report,
                  on_status);
    outcome.result = driver.run();
  }
  if (!machine.unsaved().empty()) outcome.saved = core::fail(machine.unsaved());
  outcome.status = machine.status();
  outcome.counters = machine.counters();
  outcome.door = impl_->transport->door_counters();
  if (on_status) on_status(outcome.status, outcome.counters);
  return outcome;
}

void Node::stop() noexcept {
  if (impl_->stops_asked.load() < 2) impl_->stops_asked.fetch_add(1);
  impl_->wake.signal();
}

}  // namespace murmur::net
