#include "net/endpoint.hpp"

#include "net/node.hpp"
#include "tests/catch.hpp"

using namespace murmur;

TEST_CASE("an address is a host and a port, and what cannot be one is refused by name") {
  CHECK(net::parse_endpoint("localhost:7000")->port == 7000);
  CHECK(net::parse_endpoint("[::1]:0")->host == "::1");
  CHECK(net::to_string(*net::parse_endpoint("[fe80::1%eth0]:7")) == "[fe80::1%eth0]:7");
  for (const char* bad :
       {"", "localhost", ":7000", "host:", "host:65536", "host:-1", "host:7x", "::1:7", "a b:7",
        "eth0;1.2.3.4:7", "*:7", "[]:7", "tcp://x:7", "host:7\n"}) {
    const auto parsed = net::parse_endpoint(bad);
    INFO(bad);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().message.find(bad) != std::string::npos);
  }
}

TEST_CASE("only 127.0.0.0/8 and ::1 are loopback") {
  CHECK(net::is_loopback({"127.8.9.10", 1}));
  CHECK(net::is_loopback({"::1", 1}));
  CHECK_FALSE(net::is_loopback({"0.0.0.0", 1}));
  CHECK_FALSE(net::is_loopback({"10.127.0.1", 1}));
  CHECK_FALSE(net::is_loopback({"::", 1}));
}

TEST_CASE("a host name is looked up, and an unknown one is named") {
  CHECK(net::resolve("127.0.0.1:7000").value() == "127.0.0.1:7000");
  CHECK(net::resolve("[::1]:7000").value() == "[::1]:7000");
  CHECK(net::resolve("localhost:7000").value() == "127.0.0.1:7000");
  const auto unknown = net::resolve("no-such-host.invalid:7000");
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().message.find("no-such-host.invalid:7000") != std::string::npos);
}

TEST_CASE("a node that cannot listen says where and why in one line") {
  const auto message = [](const net::NodeConfig& config) {
    auto node = net::Node::open(config);
    REQUIRE_FALSE(node.has_value());
    CHECK(node.error().message.find('\n') == std::string::npos);
    return node.error().message;
  };
  const auto contains = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  auto first = net::Node::open({});
  REQUIRE(first.has_value());
  net::NodeConfig config;
  config.listen = (*first)->address();
  CHECK(contains(message(config), config.listen.c_str()));
  CHECK(contains(message(config), "in use"));
  config.listen = "nowhere";
  CHECK(contains(message(config), "\"nowhere\""));
  config.listen = "no-such-host.invalid:0";
  CHECK(contains(message(config), "no-such-host.invalid"));
  config.listen = "0.0.0.0:0";
  CHECK(contains(message(config), "--insecure"));
  config.insecure = true;
  CHECK(net::Node::open(config).has_value());
}
