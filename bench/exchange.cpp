// murmur's side of bench/vs_gloo: two processes exchange 10 MiB of fp32 parameters over loopback
// TCP, with the machine, the sockets and the kernels of a real peer. Both offer, as fast as the
// exchanges complete, and serve each other, between steps that compute nothing. An exchange is over
// when as many shards as the parameters have are averaged on both sides, whoever offered them.
//   bench_exchange OFFER_CODEC TRANSFER_CODEC COUNT   prints the milliseconds of COUNT exchanges of
//                                                     all shards, one a line, after a warm-up
#include "gpu/shared/exchange.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/rng.hpp"
#include "core/storage.hpp"
#include "net/node.hpp"

namespace {

using namespace murmur;
using namespace std::chrono_literals;

constexpr std::size_t kParameters = (std::size_t{10} << 20) / sizeof(float);
constexpr int kWarmUp = 30;
/// As long as the lane may keep an exchange waiting, and long enough to leave the cores to it.
constexpr auto kStep = 50us;

/// Parameters that can be exchanged, and nothing else.
class BareReplica : public core::Replica {
 public:
  /// The first step is over when `ready` is; the others are short waits.
  BareReplica(std::uint64_t seed, std::latch& ready)
      : ready_(ready),
        schema_("bench", {{"x", {kParameters}, 0, kParameters}}),
        context_(1),
        kernels_(context_),
        x_(kParameters) {
    core::Rng rng(seed);
    for (float& v : x_) v = static_cast<float>(0.05 * (rng.uniform() - 0.5));
  }

  const core::Schema& schema() const override { return schema_; }
  core::TrainStats train(std::uint32_t) override {
    ready_.wait();
    std::this_thread::sleep_for(kStep);
    return {};
  }
  core::Evaluation evaluate() override { return {}; }
  core::Codec offer(core::ShardId shard, core::Codec codec, core::Bytes& out) override {
    const core::Range range = schema_.shard(shard);
    return kernels_.offer(x_.data() + range.offset, range.size, codec, out);
  }
  core::Result<core::MixStats> respond(core::ShardId shard, core::Codec offer_codec,
                                       core::ByteView offer, core::Codec& codec, std::uint64_t seed,
                                       float weight, core::Bytes& out) override {
    const core::Range range = schema_.shard(shard);
    return kernels_.respond(x_.data() + range.offset, range.size, offer_codec, offer, codec, seed,
                            weight, out);
  }
  core::Result<core::MixStats> absorb(core::ShardId shard, core::Codec codec, core::ByteView q,
                                      float weight) override {
    const core::Range range = schema_.shard(shard);
    return kernels_.absorb(x_.data() + range.offset, range.size, codec, q, weight);
  }
  void save(core::Bytes& out) override { out.assign(1, std::byte{0}); }
  core::Result<void> load(core::ByteView) override { return {}; }
  core::StateKind state_kind() const override { return {}; }
  core::Snapshot snapshot() override {
    core::Snapshot own;
    own.planes.append(std::as_bytes(std::span(x_)));
    return own;
  }
  core::Result<void> adopt(const core::Snapshot&) override { return {}; }  // each keeps its own
  void read_parameters(std::span<float> out) override {
    std::copy(x_.begin(), x_.end(), out.begin());
  }

 private:
  std::latch& ready_;
  core::Schema schema_;
  gpu::host::Context context_;
  gpu::host::ExchangeKernels kernels_;
  std::vector<float> x_;
};

struct Codecs {
  core::Codec offer;
  core::Codec transfer;
};

gossip::Config config(const Codecs& codecs) {
  gossip::Config config;
  config.offer_codec = codecs.offer;
  config.transfer_codec = codecs.transfer;
  config.staleness.kind = gossip::StalenessPolicy::Kind::kConstant;
  config.exchange_every = 1;
  config.settle_max = config.linger = 0s;
  return config;
}

/// The peer that counts. It waits for the other in its first step, and ends when it has seen
/// `count`.
int measure(const Codecs& codecs, int count, int address_fd) {
  auto node = net::Node::open({});
  if (!node) return 1;
  const std::string address = (*node)->address();
  if (write(address_fd, address.data(), address.size()) < 0) return 1;
  std::latch met(1);
  BareReplica replica(1, met);
  core::MemoryStorage storage;
  core::ShardId left = replica.schema().shards();
  std::optional<core::Instant> began;
  int seen = -kWarmUp;
  const auto on_report = [&](core::Instant now, const gossip::Report& report) {
    const auto* peer = std::get_if<gossip::PeerReport>(&report);
    if (peer != nullptr && peer->what == gossip::PeerReport::What::kUp && !met.try_wait()) {
      met.count_down();
    }
    const auto* exchange = std::get_if<gossip::ExchangeReport>(&report);
    if (exchange == nullptr || --left > 0) return;
    left = replica.schema().shards();
    if (++seen > 0 && began) fmt::print("{:.3f}\n", core::seconds(now - *began) * 1e3);
    began = now;
    if (seen == count) (*node)->stop();
  };
  const net::Outcome outcome = (*node)->run(replica, storage, config(codecs), {{1, 1}, 1},
                                            std::nullopt, core::Rng(1), on_report, nullptr);
  if (!outcome.result) fmt::print(stderr, "bench_exchange: {}\n", outcome.result.error().message);
  return outcome.result && seen >= count ? 0 : 1;
}

/// The other peer, until it is killed.
int accompany(const Codecs& codecs, const gossip::Address& to) {
  auto node = net::Node::open({});
  if (!node) return 1;
  std::latch nothing(0);
  BareReplica replica(2, nothing);
  core::MemoryStorage storage;
  gossip::Config joining = config(codecs);
  joining.join = {to};
  const net::Outcome outcome = (*node)->run(replica, storage, joining, {{2, 2}, 1}, std::nullopt,
                                            core::Rng(2), nullptr, nullptr);
  return outcome.result ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  ::prctl(PR_SET_TIMERSLACK, 1);  // short waits end when they should
  const auto first = argc == 4 ? core::parse_codec(argv[1]) : std::nullopt;
  const auto second = argc == 4 ? core::parse_codec(argv[2]) : std::nullopt;
  int count = 0;
  if (argc == 4) std::from_chars(argv[3], argv[3] + std::strlen(argv[3]), count);
  if (!first || !second || count < 1) {
    fmt::print(stderr, "usage: bench_exchange OFFER_CODEC TRANSFER_CODEC COUNT\n");
    return 2;
  }
  int ends[2];
  if (pipe(ends) != 0) return 1;
  const Codecs codecs{*first, *second};
  const pid_t child = fork();  // before there is any thread
  if (child == 0) {
    close(ends[1]);
    char address[64];
    const ssize_t length = read(ends[0], address, sizeof(address));
    return length > 0 ? accompany(codecs, {address, static_cast<std::size_t>(length)}) : 1;
  }
  close(ends[0]);
  const int result = child > 0 ? measure(codecs, count, ends[1]) : 1;
  close(ends[1]);
  if (child > 0) kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return result;
}
