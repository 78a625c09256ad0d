#include "net/turnstile.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace murmur::net {
namespace {

// Of what a filter of a TCP socket sees: its TCP header, and before it that of IP.
constexpr std::uint32_t kFlagsAt = 13;
constexpr std::uint32_t kSynOrAck = 0x12;
constexpr std::uint32_t kSyn = 0x02;
constexpr std::uint32_t kIp = static_cast<std::uint32_t>(SKF_NET_OFF);
constexpr std::uint32_t kSource4At = kIp + 12;
constexpr std::uint32_t kSource6At = kIp + 8;
constexpr std::uint32_t kRandom = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM);
constexpr std::uint32_t kDrop = 0;
constexpr std::uint32_t kPass = ~0U;

/// Classic BPF: every socket's owner may attach it.
class Program {
 public:
  void put(int code, std::uint32_t k) { put_jump(code, k, 0, 0); }
  /// `yes` and `no`: how many instructions to go on after.
  void put_jump(int code, std::uint32_t k, std::uint8_t yes, std::uint8_t no) {
    code_.push_back({static_cast<std::uint16_t>(code), yes, no, k});
  }
  void load_word(std::uint32_t at) { put(BPF_LD | BPF_W | BPF_ABS, at); }
  void load_byte(std::uint32_t at) { put(BPF_LD | BPF_B | BPF_ABS, at); }
  void end(std::uint32_t verdict) { put(BPF_RET | BPF_K, verdict); }
  /// Four instructions, the last.
  void let_through_one_in(std::uint32_t power_of_two) {
    load_word(kRandom);
    put_jump(BPF_JMP | BPF_JSET | BPF_K, power_of_two - 1, 0, 1);
    end(kDrop);
    end(kPass);
  }
  bool attach_to(int socket) {
    const sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    return ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
  }

 private:
  std::vector<sock_filter> code_;
};

constexpr int kIfEqual = BPF_JMP | BPF_JEQ | BPF_K;

}  // namespace

std::optional<Origin> origin_of(const std::string& host) {
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return Origin{false, ntohl(v4.s_addr)};
  in6_addr v6{};
  if (::inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), &v6) != 1) return std::nullopt;
  std::uint32_t words[4];
  std::memcpy(words, &v6, sizeof words);
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return Origin{false, ntohl(words[3])};
  return Origin{true, std::uint64_t{ntohl(words[0])} << 32 | ntohl(words[1])};
}

void Turnstile::failed(const std::string& host) {
  ++failed_;
  const auto origin = origin_of(host);
  if (!origin) return;
  ++failed_of_known_;
  if (!hosts_.contains(*origin) && hosts_.size() >= kHostsSlowed) {
    hosts_.erase(std::min_element(hosts_.begin(), hosts_.end(), [](const auto& a, const auto& b) {
      return std::pair(a.second.halvings, a.second.failed) <
             std::pair(b.second.halvings, b.second.failed);
    }));
  }
  Host& known = hosts_[*origin];
  known.name = host;
  ++known.failed;
}

std::optional<std::vector<Share>> Turnstile::turn(core::Instant now) {
  if (now < next_) return std::nullopt;
  next_ = now + kRound;
  bool changed = false;
  std::vector<Share> shares;
  for (auto& [origin, host] : hosts_) {
    const int before = host.halvings;
    const std::uint64_t of_all =
        host.failed < kKnownFailuresMin ? host.failed : host.failed * failed_ / failed_of_known_;
    if (const std::uint64_t over = of_all / kFailuresARound; over > 0) {
      host.halvings =
          std::min(host.halvings + static_cast<int>(std::bit_width(over)), kHalvingsMax);
      if (before == 0) slowed_.push_back(host.name);
    } else if (of_all < kFailuresARound / 4 && host.halvings > 0) {
      --host.halvings;
    }
    changed = changed || host.halvings != before;
    if (host.halvings > 0) shares.push_back({origin, host.halvings});
  }
  std::erase_if(hosts_, [](const auto& entry) {
    return entry.second.failed == 0 && entry.second.halvings == 0;
  });
  for (auto& [_, host] : hosts_) host.failed = 0;
  failed_ = failed_of_known_ = 0;
  return changed ? std::optional(std::move(shares)) : std::nullopt;
}

std::vector<std::string> Turnstile::take_slowed() { return std::exchange(slowed_, {}); }

bool let_through(int listener, const std::vector<Share>& shares) {
  Program program;
  program.load_byte(kFlagsAt);  // only what would begin a connection is of interest
  program.put(BPF_ALU | BPF_AND | BPF_K, kSynOrAck);
  program.put_jump(kIfEqual, kSyn, 1, 0);
  program.end(kPass);
  program.load_byte(kIp);
  program.put(BPF_ALU | BPF_AND | BPF_K, 0xf0);
  const auto of_v4 = std::count_if(shares.begin(), shares.end(),
                                   [](const Share& share) { return !share.origin.v6; });
  program.put_jump(kIfEqual, 0x40, 1, 0);
  program.put(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(2 + 5 * of_v4));  // to those of IPv6
  program.load_word(kSource4At);
  for (const auto& [origin, halvings] : shares) {
    if (origin.v6) continue;
    program.put_jump(kIfEqual, static_cast<std::uint32_t>(origin.bits), 0, 4);
    program.let_through_one_in(1U << halvings);
  }
  program.end(kPass);
  for (const auto& [origin, halvings] : shares) {
    if (!origin.v6) continue;
    program.load_word(kSource6At);
    program.put_jump(kIfEqual, static_cast<std::uint32_t>(origin.bits >> 32), 0, 6);
    program.load_word(kSource6At + 4);
    program.put_jump(kIfEqual, static_cast<std::uint32_t>(origin.bits), 0, 4);
    program.let_through_one_in(1U << halvings);
  }
  program.end(kPass);
  return program.attach_to(listener);
}

}  // namespace murmur::net
