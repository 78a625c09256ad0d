// Contacts: the addresses behind the names that a person gave to join, checked against where this
// peer listens, so that what can never be answered is said before anything is started.
// Thread rule: values. look_up_contacts() may block on the name service.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "gossip/config.hpp"
#include "net/endpoint.hpp"

namespace murmur::net {

struct Contacts {
  std::vector<gossip::Address> addresses;  ///< numeric; every address of a name
  std::vector<std::string> left_out;       ///< in words: names that nobody knows
};

/// Error, one line naming it: a malformed name, one that is this peer itself, one that could not
/// answer since `bound` is loopback and it is another machine's, or no name that is known.
core::Result<Contacts> look_up_contacts(const std::vector<gossip::Address>& names,
                                        const Endpoint& bound);

/// True for an address of one of this machine's interfaces.
bool is_own_host(const Endpoint& endpoint);

}  // namespace murmur::net
