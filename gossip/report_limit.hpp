// ReportLimit: how many reports of peers there may be, as strangers can cause them: of what a peer
// refuses or says of itself one a peer and reason, two a peer and kind a minute, and so many in
// all; of links that come and go, as many as an honest swarm has, and of one a few. What is left
// out is counted, and said with the next. Memory: kRemembered numbers and as many allowances.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/rng.hpp"
#include "core/time.hpp"
#include "gossip/effects.hpp"

namespace murmur::gossip {

class ReportLimit {
 public:
  /// Whether to make the report; if so, its message may be added to.
  bool allows(core::Instant now, PeerReport& report, double links_a_minute) {
    using What = PeerReport::What;
    const bool of_links =
        report.what == What::kUp || report.what == What::kSilent || report.what == What::kLeft;
    if (!of_links && said_before(report)) return false;
    Bucket& of_one = bucket_of({report.peer, of_links ? What::kUp : report.what});
    if (!of_one.take(now, of_links ? kLinksOfOneAMinute : kWordsOfOneAMinute) ||
        !(of_links ? links_ : words_).take(now, of_links ? links_a_minute : kWordsAMinute)) {
      ++left_out_;
      return false;
    }
    if (left_out_ > 0) {
      report.message += (report.message.empty() ? "(" : " (") + std::to_string(left_out_) +
                        " more reports of peers were left out)";
      left_out_ = 0;
    }
    return true;
  }

 private:
  static constexpr double kWordsAMinute = 30;
  static constexpr double kLinksOfOneAMinute = 8;
  static constexpr double kWordsOfOneAMinute = 2;
  static constexpr std::size_t kRemembered = 256;

  /// As many tokens as a minute brings.
  struct Bucket {
    double used = 0;
    core::Instant since{};
    bool take(core::Instant now, double a_minute) {
      used = std::max(0.0, used - core::seconds(now - since) * a_minute / 60);
      since = now;
      if (used + 1 > a_minute) return false;
      ++used;
      return true;
    }
  };

  using About = std::pair<core::PeerId, PeerReport::What>;
  /// That of which there was no report for longest gives way.
  Bucket& bucket_of(const About& about) {
    if (!of_one_.contains(about) && of_one_.size() >= kRemembered) {
      of_one_.erase(std::min_element(
          of_one_.begin(), of_one_.end(),
          [](const auto& a, const auto& b) { return a.second.since < b.second.since; }));
    }
    return of_one_[about];
  }

  bool said_before(const PeerReport& report) {
    std::uint64_t key = core::mix64(report.peer.high ^ core::mix64(report.peer.low));
    for (const char c : report.message) key = core::mix64(key ^ static_cast<unsigned char>(c));
    key ^= static_cast<std::uint64_t>(report.what);
    if (std::find(said_.begin(), said_.end(), key) != said_.end()) return true;
    if (said_.size() < kRemembered) {
      said_.push_back(key);
    } else {
      said_[next_++ % kRemembered] = key;
    }
    return false;
  }

  std::vector<std::uint64_t> said_;
  std::size_t next_ = 0;
  Bucket words_;
  Bucket links_;
  std::map<About, Bucket> of_one_;
  std::uint64_t left_out_ = 0;
};

}  // namespace murmur::gossip
