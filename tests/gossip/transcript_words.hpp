// What is sent, worked on and reported, each in one line that a person can read: the words of the
// transcripts. A message has a title ("Offer 1.1") and says the rest after a colon; ids are
// boot.number.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gossip/effects.hpp"
#include "gossip/machine.hpp"
#include "gossip/wire.hpp"
#include "tests/gossip/pair.hpp"

namespace murmur::gossip::test {

/// Peers are named by one letter of a to f: it is every digit of what people see of the id, and
/// the ids have the order of the names.
core::PeerId id_of(char name);
std::string name_of(core::PeerId id);

std::optional<wire::Type> parse_type(std::string_view name);
std::string title(const wire::Body& body);
std::string words(const wire::Header& header, const wire::Body& body, core::ByteView payload);
std::string words(const Work& work);
std::string words(const Report& report);

/// A line of where `peer` stands, one for each neighbour that it ever exchanged with, and one of
/// what it counted.
std::vector<std::string> standing(const std::string& name, const Peer& peer);

}  // namespace murmur::gossip::test
