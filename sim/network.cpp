#include "sim/network.hpp"

#include <cmath>

namespace murmur::sim {
namespace {

/// A sender whose messages already wait this long for its bandwidth drops the next, as a transport
/// with a bounded queue does.
constexpr core::Duration kBacklogMax = std::chrono::seconds(2);

}  // namespace

Network::Network(const FaultPlan& plan, std::size_t peers, std::uint64_t seed)
    : plan_(plan), peers_(peers) {
  const std::size_t senders = peers + plan.twins.size();
  senders_.reserve(senders);
  for (std::size_t i = 0; i < senders; ++i) {
    senders_.push_back({core::Rng(seed, i, "loss"), core::Rng(seed, i, "duplicate"),
                        core::Rng(seed, i, "delay"), core::Rng(seed, i, "duplicate-delay"),
                        core::Rng(seed, i, "corrupt"), core::Rng(seed, i, "bounce")});
  }
}

bool Network::cut_off(core::Duration now, std::uint32_t from, std::uint32_t to) const {
  for (const Cut& cut : plan_.cuts) {
    if (now < cut.start || now >= cut.start + cut.length) continue;
    const bool from_low = from < peers_ / 2;
    const bool to_low = to < peers_ / 2;
    switch (cut.shape) {
      case Cut::Shape::kAll:
        return true;
      case Cut::Shape::kHalves:
        if (from_low != to_low) return true;
        break;
      case Cut::Shape::kOneWay:
        if (from_low && !to_low) return true;
        break;
    }
  }
  return false;
}

void Network::send(World& world, Frame frame) {
  Sender& sender = senders_[frame.from];
  const bool calm = is_calm(plan_, world.now());
  const bool lost = !calm && plan_.loss > 0 && sender.loss.uniform() < plan_.loss;
  const bool twice = !calm && plan_.duplicate > 0 && sender.duplicate.uniform() < plan_.duplicate;
  const bool spoilt = !calm && plan_.corrupt > 0 && sender.corrupt.uniform() < plan_.corrupt;
  const core::Duration delay = plan_.delay.draw(sender.delay);
  const core::Duration second =
      twice ? plan_.delay.draw(sender.duplicate_delay) : core::Duration{0};

  core::Duration leaves = world.now();
  if (plan_.bandwidth > 0) {
    if (sender.busy_until > leaves + kBacklogMax) {
      world.schedule(leaves, EventKind::kUndeliverable, keep(std::move(frame)));
      return;
    }
    const auto bytes = static_cast<double>(frame.head.size() + core::view(frame.payload).size());
    sender.busy_until =
        std::max(sender.busy_until, leaves) + core::from_seconds(bytes / plan_.bandwidth);
    leaves = sender.busy_until;
  }
  if (lost || cut_off(world.now(), frame.from, frame.to)) return;
  if (twice) world.schedule(leaves + second, EventKind::kFrame, keep(frame));
  if (spoilt) spoil(frame, sender.corrupt);
  world.schedule(leaves + delay, EventKind::kFrame, keep(std::move(frame)));
}

/// Flips one bit anywhere, or cuts the end off.
void Network::spoil(Frame& frame, core::Rng& rng) {
  const std::size_t head = frame.head.size();
  const std::size_t total = head + core::view(frame.payload).size();
  const std::size_t at = rng.below(total);
  const bool flip = rng.below(4) != 0;
  if (at < head) {
    if (flip) {
      frame.head[at] ^= std::byte{1} << rng.below(8);
    } else {
      frame.head.resize(at);
    }
    return;
  }
  auto changed = std::make_shared<core::Bytes>(*frame.payload);  // others hold the original
  if (flip) {
    (*changed)[at - head] ^= std::byte{1} << rng.below(8);
  } else {
    changed->resize(at - head);
  }
  frame.payload = std::move(changed);
}

Frame Network::take(std::uint32_t slot) {
  free_.push_back(slot);
  return std::move(frames_[slot]);
}

void Network::bounce(World& world, Frame frame) {
  if (senders_[frame.from].bounce.below(2) != 0) return;
  world.schedule(world.now(), EventKind::kUndeliverable, keep(std::move(frame)));
}

std::uint32_t Network::keep(Frame frame) {
  if (free_.empty()) {
    frames_.push_back(std::move(frame));
    return static_cast<std::uint32_t>(frames_.size() - 1);
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  frames_[slot] = std::move(frame);
  return slot;
}

}  // namespace murmur::sim
