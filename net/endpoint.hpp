// Network addresses as text: "host:port", the host of an IPv6 address in brackets.
// Thread rule: values. resolve_endpoint() may block on the name service; nothing else does.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace murmur::net {

struct Endpoint {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;
};

/// Error: no port, a port past 65535, or a host with characters that no host has. What passes is
/// safe to put into a ZeroMQ endpoint, wherever it came from.
core::Result<Endpoint> parse_endpoint(std::string_view text);
/// Nothing if it is no IPv4 or IPv6 address.
std::optional<Endpoint> to_endpoint(const sockaddr& address);
/// With brackets where the host needs them.
std::string to_string(const Endpoint& endpoint);

/// The host looked up: every address of it, IPv4 before IPv6, as a machine's IPv4 address is the
/// one that its LAN is likelier to reach; at least one. Error: the host is unknown.
core::Result<std::vector<Endpoint>> resolve_all(const Endpoint& endpoint);
/// The first of these.
core::Result<Endpoint> resolve_endpoint(const Endpoint& endpoint);

/// True for an IPv4 or IPv6 address as resolve_endpoint() gives it.
bool is_numeric(const Endpoint& endpoint);
bool is_ipv6(const Endpoint& endpoint);
/// True for 127.0.0.0/8 and ::1.
bool is_loopback(const Endpoint& endpoint);

}  // namespace murmur::net
