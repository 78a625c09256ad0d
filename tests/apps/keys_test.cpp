// Peers with a swarm's key, as a person starts them.
#include <sys/stat.h>

#include <memory>

#include "apps/summary.hpp"
#include "tests/apps/siege/peer_process.hpp"
#include "tests/catch.hpp"

namespace murmur::testing {
namespace {

namespace fs = std::filesystem;
using apps::Json;
using Words = std::vector<std::string>;

std::string make_key(const fs::path& file) {
  const Said said = run_program({"keygen", file.string()});
  REQUIRE(said.status == 0);
  return said.out;
}

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// Trains until it is told to stop.
std::unique_ptr<PeerProcess> start(const Words& flags) {
  return std::make_unique<PeerProcess>(
      with({"--data", "linear", "--settle", "1s", "--linger", "1s"}, flags));
}
std::string address_of(PeerProcess& peer) {
  wait_until([&] { return peer.ended() || !peer.progress().address.empty(); });
  return peer.progress().address;
}
Json end(PeerProcess& peer) {
  peer.ask_to_stop();
  wait_until([&] { return peer.ended(); });
  INFO(peer.said());
  REQUIRE(peer.status() == 0);
  return apps::read_json(peer.out() / "summary.json").value();
}
bool exchanges(PeerProcess& peer, std::uint64_t more = 20) {
  const std::uint64_t enough = peer.progress().exchanges + more;
  wait_until([&] { return peer.ended() || peer.progress().exchanges >= enough; });
  return !peer.ended();
}

TEST_CASE("keygen makes a key for its owner alone, and says of it what may be known") {
  const TempDir dir;
  const std::string made = make_key(dir / "swarm.key");
  struct stat info {};
  REQUIRE(::stat((dir / "swarm.key").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  CHECK(made.find(": the key of swarm ") != std::string::npos);
  CHECK(run_program({"keygen", "--show", (dir / "swarm.key").string()}).out == made);
  CHECK(make_key(dir / "other.key").substr(made.size() - 17) != made.substr(made.size() - 17));
  const std::string secret = read_text(dir / "swarm.key").substr(17, 64);
  CHECK(secret.find(' ') == std::string::npos);
  CHECK(made.find(secret) == std::string::npos);

  REQUIRE(run_program({"peer", "--data", "linear", "--steps", "5", "--settle", "0s", "--linger",
                       "0s", "--state", (dir / "state").string()})
              .status == 0);
  const Said identity = run_program({"keygen", (dir / "state/identity.key").string(), "--show"});
  const auto id = Json::parse(read_text(dir / "state/identity.json"))["id"].get<std::string>();
  CHECK(identity.out.find("the key of peer " + id) != std::string::npos);
}

TEST_CASE("peers with one key exchange, and who has another or none trains without them") {
  const TempDir dir;
  make_key(dir / "swarm.key");
  make_key(dir / "other.key");
  const Words key = {"--key", (dir / "swarm.key").string()};
  const auto first = start(with(key, {"--listen", "0.0.0.0:0"}));
  const std::string port = address_of(*first).substr(address_of(*first).rfind(':'));
  const Words join = {"--join", "127.0.0.1" + port};
  const auto second = start(with(key, join));
  REQUIRE(exchanges(*first));
  REQUIRE(exchanges(*second));
  const auto none = start(join);
  const auto other = start(with({"--key", (dir / "other.key").string()}, join));
  wait_until(
      [&] { return other->ended() || says(other->out() / "metrics.jsonl", "shakes no hands"); });
  none->ask_to_stop();
  other->ask_to_stop();
  wait_until([&] { return none->ended() && other->ended(); });
  CHECK(none->status() == 1);
  CHECK(other->status() == 1);
  for (PeerProcess* peer : {none.get(), other.get()}) {
    CHECK(peer->progress().step == 0);
    CHECK(peer->progress().exchanges == 0);
  }
  REQUIRE(exchanges(*first));
  const Json summary = end(*first);
  CHECK(summary["door"]["handshakes_failed"].get<int>() > 0);
  CHECK(summary["door"]["unidentified"] == 0);
  for (const auto& [reason, count] : summary["rejected"].items()) {
    INFO(reason);
    CHECK(count == 0);
  }
  end(*second);
}

TEST_CASE("local's peers exchange behind the key that it was given for them") {
  const TempDir dir;
  make_key(dir / "swarm.key");
  const Said said = run_program({"local", "--peers", "2", "--out", (dir / "out").string(), "--",
                                 "--data", "linear", "--steps", "2000", "--settle", "1s", "--key",
                                 (dir / "swarm.key").string()});
  INFO(said.err);
  REQUIRE(said.status == 0);
  const Json summary = apps::read_json(dir / "out/summary.json").value();
  for (const Json& peer : summary["peers"]) CHECK(peer["exchanges"].get<int>() > 0);
  CHECK(says(dir / "out/peer-0/log", "its line for --trust: "));
}

TEST_CASE("a line that is taken from the list takes its peer out of a running swarm") {
  const TempDir dir;
  make_key(dir / "swarm.key");
  const auto line_of = [&dir](const char* state) {
    const std::string file = (dir / state / "identity.key").string();
    wait_until([&] { return fs::exists(file); });
    const std::string said = run_program({"keygen", "--show", file}).out;
    return said.substr(said.find('\n') + 1);
  };
  write_text(dir / "trusted", "");
  const Words key = {"--key", (dir / "swarm.key").string()};
  const auto first = start(with(key, {"--trust", (dir / "trusted").string()}));
  const Words join = with(key, {"--join", address_of(*first)});
  const auto in = start(with(join, {"--state", (dir / "in").string()}));
  const auto out = start(with(join, {"--state", (dir / "out").string()}));
  wait_until([&] { return in->said().find("does not let this peer in") != std::string::npos; });
  const std::string both = line_of("in") + line_of("out");
  write_text(dir / "trusted", both);
  REQUIRE(exchanges(*in));
  REQUIRE(exchanges(*out));

  write_text(dir / "trusted", line_of("in"));
  wait_until([&] { return says(first->out() / "metrics.jsonl", R"("what":"distrusted")"); });
  CHECK(says(first->out() / "metrics.jsonl", "no longer "));
  REQUIRE(exchanges(*in));
  out->ask_to_stop();
  wait_until([&] { return out->ended(); });
  const Json summary = end(*first);
  CHECK(summary["door"]["handshakes_refused"].get<int>() > 0);
  end(*in);
}

}  // namespace
}  // namespace murmur::testing
