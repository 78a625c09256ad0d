// A transport with keys: who is heard, whom it says it heard, and what all others can do: nothing.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <numeric>
#include <set>

#include "core/file_io.hpp"
#include "net/transport.hpp"
#include "net/wake_event.hpp"
#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"
#include "tests/net/raw_zmtp.hpp"
#include "tests/sanitized.hpp"

using namespace murmur;
using namespace std::chrono_literals;
using test::curve_greeting;
using test::RawSocket;
using testing::TempDir;
using testing::write_text;

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = 20s;

core::SwarmKey swarm_key(std::uint8_t number) { return {{number, 1}}; }
core::KeyPair identity(std::uint8_t number) { return core::key_pair({{8, number}}); }

struct Post {
  explicit Post(std::uint8_t number, std::vector<core::SwarmKey> keys = {swarm_key(1)},
                std::optional<net::Trust> trust = std::nullopt)
      : self(identity(number)),
        transport(
            net::Transport::open({"127.0.0.1", 0}, {std::move(keys), std::move(trust)}).value()) {
    transport->set_payload_max(1 << 20);
    transport->call_as(self);
  }
  [[nodiscard]] gossip::Address address() const { return net::to_string(transport->bound()); }
  [[nodiscard]] core::PeerId id() const { return core::peer_id(self.shown); }
  [[nodiscard]] static core::Instant time() {
    return core::Instant(Clock::now().time_since_epoch());
  }
  void work(int milliseconds = 5) {
    REQUIRE(transport->tend(time()));
    for (std::string& words : transport->take_notices()) notices.push_back(std::move(words));
    while (auto message = transport->receive()) {
      heard.emplace_back(message->head.begin(), message->head.end());
      last = std::move(*message);
    }
    transport->wait(wake.fd(), milliseconds);
  }
  void say(std::string_view text, const Post& to) {
    const core::Payload payload = std::make_shared<const core::Bytes>(test::bytes_of("payload"));
    transport->send(time(), to.address(), test::bytes_of(text), payload, to.id());
  }
  [[nodiscard]] bool has_heard(std::string_view text) const {
    return std::count(heard.begin(), heard.end(), test::bytes_of(text)) > 0;
  }
  [[nodiscard]] bool was_told(std::string_view text) const {
    return std::any_of(notices.begin(), notices.end(), [text](const std::string& notice) {
      return notice.find(text) != std::string::npos;
    });
  }
  [[nodiscard]] const net::DoorCounters& counters() const { return transport->door_counters(); }

  core::KeyPair self;
  net::WakeEvent wake;
  std::unique_ptr<net::Transport> transport;
  std::vector<core::Bytes> heard;
  std::vector<std::string> notices;
  std::optional<gossip::Received> last;
};

/// Works for all of `posts` until `condition`; false if that does not come.
template <class Condition>
bool until(const std::vector<Post*>& posts, Condition condition) {
  const auto give_up = Clock::now() + kPatience;
  while (!condition()) {
    if (Clock::now() > give_up) return false;
    for (Post* post : posts) post->work();
  }
  return true;
}

/// `from` says a word to `to` again and again, as a peer does, until it is heard.
bool reaches(Post& from, Post& to, const std::string& word) {
  auto next = Clock::now();
  return until({&from, &to}, [&] {
    if (Clock::now() >= next) {
      from.say(word, to);
      next = Clock::now() + 100ms;
    }
    return to.has_heard(word);
  });
}

/// By an honest newcomer: so the transport works.
bool still_works(Post& post) {
  static int words = 0;
  Post other(200);
  return reaches(other, post, "still there " + std::to_string(++words));
}

/// Connected, if it came through at once.
RawSocket stranger_at(const std::string& host, const Post& post) {
  RawSocket stranger;
  stranger.be_patient_for(100);
  stranger.call_from(host);
  stranger.connect(post.address());
  return stranger;
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

TEST_CASE("what is received says whose key it came on, and what that key may show") {
  Post a(1);
  Post b(2);
  REQUIRE(reaches(a, b, "hello"));
  REQUIRE(b.last->caller);
  CHECK(b.last->caller->id == a.id());
  CHECK(b.last->caller->proofs == std::vector{core::membership_proof(swarm_key(1), a.self.shown)});
  CHECK(core::view(b.last->payload).size() == 7);
  Post c(3);
  REQUIRE(reaches(c, b, "me too"));
  CHECK(b.last->caller->id == c.id());
}

TEST_CASE("nothing of another swarm is heard, in either direction, and both are told") {
  Post ours(1, {swarm_key(1)});
  Post theirs(2, {swarm_key(2)});
  REQUIRE(until({&ours, &theirs}, [&] {
    ours.say("from here", theirs);
    theirs.say("from there", ours);
    return ours.was_told("shakes no hands with this peer's key") &&
           theirs.was_told("shakes no hands with this peer's key");
  }));
  CHECK(ours.heard.empty());
  CHECK(theirs.heard.empty());
  CHECK(ours.counters().handshakes_failed > 0);
  CHECK(still_works(ours));
}

TEST_CASE("who calls one without a key, or with two that do not fit, is told") {
  Post plain(1, {});
  Post keyed(2);
  Post two(3, {swarm_key(1), swarm_key(2)});
  Post other(4, {swarm_key(3)});
  REQUIRE(until({&plain, &keyed, &two, &other}, [&] {
    keyed.say("hello", plain);
    two.say("hello", other);
    return keyed.was_told("shakes no hands") && two.was_told("shakes no hands");
  }));
  CHECK(plain.heard.empty());
  CHECK(other.heard.empty());
}

TEST_CASE("nothing is heard of who speaks no CURVE") {
  Post post(1);
  SECTION("a transport without keys") {
    Post plain(2, {});
    REQUIRE(until({&post, &plain}, [&] {
      plain.say("hello", post);
      return post.counters().handshakes_failed > 0;
    }));
  }
  SECTION("a client that shakes hands by itself") {
    RawSocket client(post.address());
    client.be_patient_for(0);
    client.send(test::greeting());
    client.send(test::ready("DEALER"));
    client.send(test::frame(0, test::bytes_of("hello")));
    REQUIRE(until({&post}, [&] { return client.is_closed(); }));
  }
  SECTION("and goes on after a greeting that promises CURVE") {
    const core::Bytes greeting = curve_greeting();
    for (const core::Bytes& command :
         {test::ready("DEALER"), test::frame(4, test::bytes_of("\5HELLO")),
          test::frame(4, core::Bytes(200, std::byte{5})), test::frame(0, test::bytes_of("hello")),
          test::frame(4, test::bytes_of("\7MESSAGE"))}) {
      RawSocket client(post.address());
      client.be_patient_for(0);
      client.send(greeting);
      client.send(command);
      REQUIRE(until({&post}, [&] { return client.is_closed(); }));
    }
  }
  CHECK(post.heard.empty());
  CHECK(post.counters().handshakes_refused == 0);
  CHECK(still_works(post));
}

TEST_CASE("a handshake that is replayed to its last byte gets nothing in") {
  Post post(1);
  Post member(2);
  // The member reaches the post through a relay that keeps what it sends.
  RawSocket listener;
  const std::string at_relay = listener.listen();
  const core::Bytes word = test::bytes_of("once");
  member.transport->send(Post::time(), at_relay, word, nullptr);
  RawSocket from = listener.accept();
  RawSocket to(post.address());
  core::Bytes kept;
  REQUIRE(until({&post, &member}, [&] {
    const core::Bytes sent = from.read_some();
    kept.insert(kept.end(), sent.begin(), sent.end());
    to.send(sent);
    from.send(to.read_some());
    return post.has_heard("once");
  }));
  from.reset();
  to.reset();
  post.heard.clear();
  const auto before = post.counters();
  // At once, and step by step as the post answers.
  RawSocket all(post.address());
  all.be_patient_for(0);
  all.send(kept);
  RawSocket slow(post.address());
  slow.be_patient_for(0);
  std::size_t sent = 0;
  REQUIRE(until({&post}, [&] {
    const std::size_t next = std::min(kept.size() - sent, std::size_t{8});
    slow.send(core::ByteView(kept).subspan(sent, next));
    sent += next;
    return sent == kept.size() && slow.is_closed() && all.is_closed();
  }));
  REQUIRE(until({&post},
                [&] { return post.counters().handshakes_failed >= before.handshakes_failed + 2; }));
  CHECK(post.heard.empty());
  CHECK(post.counters().handshakes_refused == before.handshakes_refused);
  CHECK(post.counters().unidentified == 0);
  CHECK(still_works(post));
}

TEST_CASE("only those on the list are let in, and who is taken off it is not within a second") {
  const TempDir dir;
  const auto list = dir / "trusted";
  const auto line = [](const Post& post, const char* name) {
    return core::to_string(post.self.shown) + " " + name + "\n";
  };
  Post one(1);
  Post other(2);
  write_text(list, "# who may come in\n\n" + line(one, "one of us"));
  Post post(3, {swarm_key(1)}, net::Trust::open(list).value());
  REQUIRE(reaches(one, post, "from one"));
  REQUIRE(until({&other, &post}, [&] {
    other.say("from the other", post);
    return other.was_told("does not let this peer in");
  }));
  CHECK(post.was_told("is not let in: it is not on the --trust list"));
  CHECK(post.counters().handshakes_refused > 0);
  CHECK_FALSE(post.has_heard("from the other"));
  post.say("to one", one);
  CHECK(post.transport->open_connections() == 1);

  write_text(list, line(other, "another"));
  const auto began = Clock::now();
  REQUIRE(until({&post}, [&] { return post.was_told("no longer one of us, now also another"); }));
  CHECK(Clock::now() - began < 1s);
  CHECK(post.transport->take_distrusted() == std::vector{one.id()});
  CHECK(post.transport->open_connections() == 0);
  post.heard.clear();
  REQUIRE(until({&one, &post}, [&] {  // its connection is closed, and no other made
    one.say("from one", post);
    return one.was_told("does not let this peer in");
  }));
  CHECK(post.heard.empty());
  REQUIRE(reaches(other, post, "from the other"));
  write_text(list, line(other, "another") + line(one, "one of us"));
  REQUIRE(reaches(one, post, "from one"));
}

TEST_CASE("a list that becomes malformed or unreadable changes nothing, and says so once") {
  const TempDir dir;
  const auto list = dir / "trusted";
  const std::string key = core::to_string(identity(1).shown);
  const std::string good = key + " one\n";
  write_text(list, good);
  net::Trust trust = net::Trust::open(list).value();
  CHECK_FALSE(trust.look());
  for (const std::string& bad : {std::string("rubbish\n"), key + "\n", good + good,
                                 key + " " + std::string(65, 'x'), key + " a\001b"}) {
    write_text(list, good);
    CHECK_FALSE(trust.look());
    write_text(list, bad);
    const auto change = trust.look();
    REQUIRE(change);
    CHECK(change->removed.empty());
    CHECK(change->words.starts_with(list.string() + ":"));
    CHECK(change->words.ends_with("; whom this peer trusts stays as it was"));
    CHECK_FALSE(trust.look());
    CHECK(trust.includes(identity(1).shown));
    CHECK_FALSE(net::Trust::open(list));
  }
  std::filesystem::remove(list);
  CHECK(trust.look()->words.find("cannot read") != std::string::npos);
  write_text(list, good);
  CHECK_FALSE(trust.look());
  write_text(list, "");
  CHECK(trust.look()->removed == std::vector{identity(1).shown});
}

TEST_CASE("a swarm changes its key in three restarts of each peer, and all are heard throughout") {
  const auto old_key = swarm_key(1);
  const auto new_key = swarm_key(2);
  const std::vector<std::vector<core::SwarmKey>> stages = {
      {old_key}, {old_key, new_key}, {new_key, old_key}, {new_key}};
  for (std::size_t stage = 0; stage + 1 < stages.size(); ++stage) {
    CAPTURE(stage);
    Post before(1, stages[stage]);
    Post after(2, stages[stage + 1]);
    CHECK(reaches(before, after, "to after"));
    CHECK(reaches(after, before, "to before"));
    // Each shows the proof of the key that it listens with, and the other may expect it.
    const auto& proofs = before.last->caller->proofs;
    const auto shown = core::membership_proof(stages[stage + 1].front(), after.self.shown);
    CHECK(std::count(proofs.begin(), proofs.end(), shown) == 1);
  }
}

TEST_CASE("who is shunned is not heard, and is again afterwards") {
  Post post(1);
  Post other(2);
  REQUIRE(reaches(other, post, "before"));
  post.transport->shun(Post::time(), other.id(), 2s);
  const auto began = Clock::now();
  REQUIRE(reaches(other, post, "after"));
  CHECK(Clock::now() - began > 1900ms);
  CHECK(post.counters().unidentified + post.counters().handshakes_refused > 0);
}

TEST_CASE("a caller has one connection: where it speaks on another, the first is closed") {
  Post post(1);
  zmq::context_t context;
  std::vector<zmq::socket_t> callers;
  const core::KeyPair self = identity(2);
  const core::KeyPair listening = core::listening_keys(swarm_key(1));
  const auto bytes = [](const auto& key) {
    return zmq::buffer(key.bytes.data(), key.bytes.size());
  };
  for (int i = 0; i < 6; ++i) {
    zmq::socket_t& caller = callers.emplace_back(context, zmq::socket_type::dealer);
    caller.set(zmq::sockopt::linger, 0);
    caller.set(zmq::sockopt::reconnect_ivl, -1);
    caller.set(zmq::sockopt::curve_secretkey, bytes(self.secret));
    caller.set(zmq::sockopt::curve_publickey, bytes(self.shown));
    caller.set(zmq::sockopt::curve_serverkey, bytes(listening.shown));
    caller.connect("tcp://" + post.address());
    const std::string word = "on connection " + std::to_string(i);
    caller.send(zmq::buffer(word), zmq::send_flags::none);
    REQUIRE(until({&post}, [&] { return post.has_heard(word); }));
    CHECK(post.counters().shown_out == static_cast<std::uint64_t>(i));
  }
  // One after the other is no more than that: a peer that is made again closed its connection.
  callers.clear();
  CHECK(still_works(post));
}

TEST_CASE("idle connections past a number give way, and do not keep others out") {
  Post post(1);
  Post friendly(2);
  REQUIRE(reaches(friendly, post, "before"));
  std::vector<RawSocket> idle;
  for (int i = 0; i < 500; ++i) {
    idle.push_back(stranger_at("127.0.0.2", post));
    if (i % 2 == 0) idle.back().send(curve_greeting());
  }
  REQUIRE(until({&post},
                [&] { return post.counters().shown_out >= idle.size() - net::kStrangersMax; }));
  CHECK(still_works(post));
  CHECK(reaches(friendly, post, "after"));  // on the connection that it had
  CHECK(friendly.notices.empty());
}

TEST_CASE("bad handshakes leave no memory behind") {
  Post post(1);
  const core::Bytes greeting = curve_greeting();
  core::Bytes hello(200, std::byte{7});
  std::memcpy(hello.data(), "\5HELLO\1\0", 8);
  const auto knock = [&](int times) {
    for (int i = 0; i < times; ++i) {
      RawSocket stranger = stranger_at(fmt::format("127.0.1.{}", 1 + i / 8 % 250), post);
      stranger.send(greeting);
      stranger.send(test::frame(4, hello));
      post.work(0);
    }
    REQUIRE(still_works(post));
  };
  knock(300);
  const std::size_t before = resident_bytes();
  knock(1200);
  if (!test::kSanitized) CHECK(resident_bytes() < before + (std::size_t{16} << 20));
  for (const core::Bytes& word : post.heard) {
    CHECK(core::Bytes(word.begin(), word.begin() + 11) == test::bytes_of("still there"));
  }
}

TEST_CASE("of a host that shakes no hands few connections come through, and its members stay") {
  Post post(1);
  Post friendly(2);
  REQUIRE(reaches(friendly, post, "before"));
  const auto knock = [&](const std::string& host) {
    RawSocket stranger = stranger_at(host, post);
    stranger.send(curve_greeting());
    stranger.send(test::frame(4, core::Bytes(200, std::byte{7})));
    post.work(0);
    return stranger.ok();
  };
  SECTION("another host than that of members") {
    REQUIRE(until({&post}, [&] { return !knock("127.0.0.2"); }));
    CHECK(post.was_told("127.0.0.2 connects again and again without a handshake"));
    CHECK(post.counters().hosts_slowed == 1);
    CHECK(knock("127.0.0.3"));
    CHECK(still_works(post));
  }
  SECTION("that of members") {
    REQUIRE(until({&post}, [&] { return !knock("127.0.0.1"); }));
    CHECK(reaches(friendly, post, "after"));
    CHECK(still_works(post));  // a new one, some time after the last bad handshake
  }
  CHECK(friendly.notices.empty());
}

TEST_CASE("a key may shake hands a few times at once, and then more slowly") {
  Post post(1);
  Post restless(2);
  std::size_t heard = 0;
  const auto began = Clock::now();
  std::set<std::unique_ptr<Post>> all;
  for (int i = 0; i < 40; ++i) {
    Post& again = **all.insert(std::make_unique<Post>(2)).first;
    again.say("again", post);
  }
  while (Clock::now() < began + 1s) post.work();
  heard = post.heard.size();
  CHECK(heard >= 4);
  CHECK(heard <= 14);
}
