#include "net/strangers.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "net/endpoint.hpp"

namespace murmur::net {

std::string host_of(int connection) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(connection, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  const auto endpoint = to_endpoint(reinterpret_cast<const sockaddr&>(address));
  return endpoint ? endpoint->host : std::string();
}

void shut_down(int connection, const std::string& host) {
  if (!host.empty() && host_of(connection) == host) ::shutdown(connection, SHUT_RDWR);
}

std::optional<std::string> Strangers::closed(int connection) {
  const auto found = waiting_.find(connection);
  if (found == waiting_.end()) return std::nullopt;
  return std::move(waiting_.extract(found).mapped().host);
}

std::vector<std::string> Strangers::look() {
  for (auto& [connection, stranger] : waiting_) {
    if (stranger.since > looked_at_) stranger.host = host_of(connection);
  }
  looked_at_ = came_;
  std::vector<std::string> hosts;
  while (waiting_.size() > kStrangersMax) {
    std::map<std::string_view, std::size_t> of_host;
    for (const auto& [_, stranger] : waiting_) ++of_host[stranger.host];
    const auto worse = [&of_host](const auto& a, const auto& b) {
      const std::size_t of_a = of_host[a.second.host];
      const std::size_t of_b = of_host[b.second.host];
      return of_a != of_b ? of_a > of_b : a.second.since < b.second.since;
    };
    const auto worst = std::min_element(waiting_.begin(), waiting_.end(), worse);
    shut_down(worst->first, worst->second.host);
    hosts.push_back(worst->second.host);
    waiting_.erase(worst);
  }
  return hosts;
}

}  // namespace murmur::net
