#include "net/contacts.hpp"

#include <fmt/format.h>
#include <ifaddrs.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace murmur::net {
namespace {

bool is_wildcard(const Endpoint& endpoint) {
  return endpoint.host == "0.0.0.0" || endpoint.host == "::";
}

bool is_self(const Endpoint& endpoint, const Endpoint& bound) {
  if (endpoint.port != bound.port) return false;
  return endpoint.host == bound.host || (is_wildcard(bound) && is_own_host(endpoint));
}

}  // namespace

bool is_own_host(const Endpoint& endpoint) {
  if (is_loopback(endpoint) || is_wildcard(endpoint)) return true;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return false;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(first, &::freeifaddrs);
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
    const auto own = at->ifa_addr != nullptr ? to_endpoint(*at->ifa_addr) : std::nullopt;
    if (own && own->host == endpoint.host) return true;
  }
  return false;
}

core::Result<Contacts> look_up_contacts(const std::vector<gossip::Address>& names,
                                        const Endpoint& bound) {
  Contacts contacts;
  for (const gossip::Address& name : names) {
    const auto endpoint = parse_endpoint(name);
    if (!endpoint) return tl::make_unexpected(endpoint.error());
    const auto found = resolve_all(*endpoint);
    if (!found) {
      contacts.left_out.push_back(found.error().message);
      continue;
    }
    std::string why;
    std::size_t usable = 0;
    for (const Endpoint& address : *found) {
      if (is_self(address, bound)) {
        why = fmt::format("{} is this peer itself", name);
      } else if (is_loopback(bound) && !is_own_host(address)) {
        why = fmt::format(
            "{} could not answer: this peer listens on {}, which only this machine reaches; "
            "give it a --listen that the other reaches",
            name, to_string(bound));
      } else {
        ++usable;
        contacts.addresses.push_back(to_string(address));
      }
    }
    if (usable == 0) return core::fail(why);
  }
  if (contacts.addresses.empty() && !contacts.left_out.empty()) {
    return core::fail(contacts.left_out.front());
  }
  return contacts;
}

}  // namespace murmur::net
