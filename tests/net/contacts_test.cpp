#include "net/contacts.hpp"

#include "tests/catch.hpp"

using namespace murmur;

namespace {

std::string refusal(const std::string& name, const net::Endpoint& bound) {
  const auto contacts = net::look_up_contacts({name}, bound);
  return contacts ? std::string() : contacts.error().message;
}

TEST_CASE("a contact that is this peer itself is refused, also under another of its addresses") {
  CHECK(refusal("127.0.0.1:7000", {"127.0.0.1", 7000}).find("is this peer itself") !=
        std::string::npos);
  CHECK(refusal("localhost:7000", {"0.0.0.0", 7000}).find("is this peer itself") !=
        std::string::npos);
  CHECK(refusal("127.0.0.1:7001", {"127.0.0.1", 7000}).empty());
}

TEST_CASE("another machine's contact is refused by a peer that only its own machine reaches") {
  // An address for documentation (RFC 5737), which is nobody's.
  const std::string why = refusal("192.0.2.7:7000", {"127.0.0.1", 7000});
  CHECK(why.find("192.0.2.7:7000 could not answer") != std::string::npos);
  CHECK(why.find("127.0.0.1:7000") != std::string::npos);
  CHECK(refusal("192.0.2.7:7000", {"0.0.0.0", 7000}).empty());
}

TEST_CASE("a name that nobody knows is left out while another contact is known") {
  const net::Endpoint bound{"127.0.0.1", 7000};
  const auto contacts = net::look_up_contacts({"no-such-host.invalid:1", "127.0.0.1:7001"}, bound);
  REQUIRE(contacts);
  CHECK(contacts->addresses == std::vector<gossip::Address>{"127.0.0.1:7001"});
  REQUIRE(contacts->left_out.size() == 1);
  CHECK(contacts->left_out[0].find("no-such-host.invalid") != std::string::npos);
  CHECK(refusal("no-such-host.invalid:1", bound).find("no-such-host.invalid") != std::string::npos);
}

}  // namespace
