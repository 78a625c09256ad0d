#include "net/endpoint.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <charconv>
#include <memory>
#include <optional>

namespace murmur::net {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return port;
}

/// Letters, digits, '-', '.', '_', and in brackets also ':' and '%' (a scope).
bool plausible_host(std::string_view host, bool bracketed) {
  if (host.empty() || host.size() > 255) return false;
  for (const char c : host) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_';
    if (!plain && !(bracketed && (c == ':' || c == '%'))) return false;
  }
  return true;
}

}  // namespace

std::optional<Endpoint> to_endpoint(const sockaddr& address) {
  const bool v4 = address.sa_family == AF_INET;
  if (!v4 && address.sa_family != AF_INET6) return std::nullopt;
  char host[NI_MAXHOST];
  const socklen_t size = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  if (getnameinfo(&address, size, host, sizeof(host), nullptr, 0, NI_NUMERICHOST) != 0) {
    return std::nullopt;
  }
  return Endpoint{host, ntohs(v4 ? reinterpret_cast<const sockaddr_in&>(address).sin_port
                                 : reinterpret_cast<const sockaddr_in6&>(address).sin6_port)};
}

core::Result<Endpoint> parse_endpoint(std::string_view text) {
  const std::string shown(text.substr(0, 300));
  const auto malformed = [&](std::string_view why) {
    return core::fail(fmt::format("address \"{}\": {} (wanted HOST:PORT)", shown, why));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed("no port");
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!plausible_host(host, bracketed)) return malformed("not a host name or address");
  const std::optional<std::uint16_t> port = parse_port(text.substr(colon + 1));
  if (!port) return malformed("the port is not a number in 0..65535");
  return Endpoint{std::string(host), *port};
}

std::string to_string(const Endpoint& endpoint) {
  return is_ipv6(endpoint) ? fmt::format("[{}]:{}", endpoint.host, endpoint.port)
                           : fmt::format("{}:{}", endpoint.host, endpoint.port);
}

core::Result<std::vector<Endpoint>> resolve_all(const Endpoint& endpoint) {
  // Loopback by definition (RFC 6761, 6.3); a minimal system has no /etc/hosts that says so.
  if (endpoint.host == "localhost") return std::vector{Endpoint{"127.0.0.1", endpoint.port}};
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(endpoint.host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return core::fail(
        fmt::format("address {}: cannot look up the host: {}", to_string(endpoint),
                    error == EAI_SYSTEM ? "the name service failed" : gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  std::vector<Endpoint> all;
  for (const int family : {AF_INET, AF_INET6}) {
    for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
      if (info->ai_family != family) continue;
      if (const auto numeric = to_endpoint(*info->ai_addr)) {
        all.push_back({numeric->host, endpoint.port});
      }
    }
  }
  if (all.empty()) {
    return core::fail(fmt::format("address {}: the host has no IP address", to_string(endpoint)));
  }
  return all;
}

core::Result<Endpoint> resolve_endpoint(const Endpoint& endpoint) {
  return resolve_all(endpoint).map([](const std::vector<Endpoint>& all) { return all.front(); });
}

bool is_numeric(const Endpoint& endpoint) {
  in_addr v4{};
  in6_addr v6{};
  const std::string bare = endpoint.host.substr(0, endpoint.host.find('%'));
  return inet_pton(AF_INET, endpoint.host.c_str(), &v4) == 1 ||
         inet_pton(AF_INET6, bare.c_str(), &v6) == 1;
}

bool is_ipv6(const Endpoint& endpoint) { return endpoint.host.find(':') != std::string::npos; }

bool is_loopback(const Endpoint& endpoint) {
  in_addr v4{};
  if (inet_pton(AF_INET, endpoint.host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, endpoint.host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace murmur::net
