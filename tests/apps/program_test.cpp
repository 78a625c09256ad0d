// The program as a person runs it, for runs of a second or so.
#include "tests/apps/program.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <csignal>
#include <set>

#include "apps/metrics.hpp"
#include "apps/summary.hpp"
#include "core/model_spec.hpp"
#include "core/safetensors.hpp"
#include "tests/apps/peer_pids.hpp"
#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::testing {
namespace {

using apps::Json;
namespace fs = std::filesystem;

std::vector<Json> records(const fs::path& path) {
  std::vector<Json> all;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    all.push_back(Json::parse(line));  // every line is a whole record
  }
  return all;
}

TEST_CASE("help is printed by each command, with status 0") {
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"--help"},
                                             {"peer", "--help"},
                                             {"local", "--help"},
                                             {"sim", "--help"},
                                             {"eval", "--help"},
                                             {"generate", "--help"},
                                             {"keygen", "--help"},
                                             {"local", "--peers", "2", "--", "--help"}}) {
    const Said said = run_program(args);
    CHECK(said.status == 0);
    CHECK(said.err.empty());
    CHECK(said.out.find("murmur") != std::string::npos);
  }
}

TEST_CASE("training goes on from the model that an earlier run has left") {
  const TempDir dir;
  const std::string first = (dir / "first").string();
  REQUIRE(run_program({"peer", "--steps", "400", "--out", first}).status == 0);
  // So slow that no parameter moves.
  const Said said = run_program({"peer", "--steps", "1", "--lr", "1e-30", "--init",
                                 first + "/model.safetensors", "--out", (dir / "second").string()});
  INFO(said.err);
  REQUIRE(said.status == 0);
  const auto schema = core::make_schema(core::parse_model("mlp:64-128-10").value());
  CHECK(core::read_safetensors(dir / "second/model.safetensors", schema).value() ==
        core::read_safetensors(dir / "first/model.safetensors", schema).value());

  const Said other = run_program(
      {"peer", "--steps", "1", "--model", "mlp:64-16-10", "--init", first + "/model.safetensors"});
  CHECK(other.status == 2);
  CHECK(other.err.find("--init: ") != std::string::npos);
}

TEST_CASE("one peer trains alone and leaves curves, a summary and a model") {
  const TempDir dir;
  const Said said = run_program({"peer", "--steps", "600", "--out", (dir / "out").string()});
  INFO(said.err);
  REQUIRE(said.status == 0);
  const Json summary = apps::read_json(dir / "out/summary.json").value();
  const auto peer = apps::parse_peer_summary(summary["peers"][0]).value();
  CHECK(peer.steps == 600);
  CHECK(peer.test_accuracy > 0.9);
  CHECK(peer.exchanges == 0);
  CHECK(peer.id.size() == 32);
  const auto curves = records(dir / "out/metrics.jsonl");
  REQUIRE(curves.size() >= 3);
  CHECK(curves.front()["event"] == "start");
  CHECK(curves.front()["id"] == peer.id);
  CHECK(curves.back()["event"] == "status");
  CHECK(curves.back()["step"] == 600);
  const auto schema = core::make_schema(core::parse_model("mlp:64-128-10").value());
  CHECK(core::read_safetensors(dir / "out/model.safetensors", schema));
}

TEST_CASE("a run that came to nothing is no earlier run") {
  const TempDir dir;
  write_text(dir / "metrics.jsonl", R"({"event":"start"})"
                                    "\n");
  CHECK(run_program({"peer", "--steps", "10", "--out", dir.path().string()}).status == 0);
}

TEST_CASE("a peer resumes its step count and its id from its state folder") {
  const TempDir dir;
  const std::string state = (dir / "state").string();
  const auto run_to = [&](const std::string& steps) {
    const Said said =
        run_program({"peer", "--steps", steps, "--state", state, "--out", (dir / "out").string()});
    INFO(said.err);
    REQUIRE(said.status == 0);
    return apps::parse_peer_summary(apps::read_json(dir / "out/summary.json").value()["peers"][0])
        .value();
  };
  const auto first = run_to("200");
  const auto second = run_to("300");
  CHECK(second.id == first.id);
  CHECK(first.steps == 200);
  CHECK(second.steps == 300);
  std::set<int> boots;
  for (const Json& record : records(dir / "out/metrics.jsonl")) {
    if (record["event"] == "start") boots.insert(record["boot"].get<int>());
  }
  CHECK(boots == std::set<int>{1, 2});
}

TEST_CASE("local resumes its peers from their state folders, into the same results") {
  const TempDir dir;
  const auto run_to = [&](const std::string& steps) {
    const Said said =
        run_program({"local", "--peers", "2", "--out", (dir / "out").string(), "--state",
                     (dir / "state").string(), "--", "--steps", steps, "--settle", "0"});
    INFO(said.err);
    REQUIRE(said.status == 0);
    return apps::read_json(dir / "out/summary.json").value()["peers"];
  };
  const Json first = run_to("100");
  const Json second = run_to("300");
  CHECK(second[0]["id"] == first[0]["id"]);
  CHECK(first[0]["steps"] == 100);
  CHECK(second[0]["steps"] == 300);
}

TEST_CASE("a state folder of another model is refused") {
  const TempDir dir;
  const std::string state = (dir / "state").string();
  REQUIRE(run_program({"peer", "--steps", "10", "--state", state}).status == 0);
  const Said said = run_program({"peer", "--model", "mlp:64-9-10", "--state", state});
  CHECK(said.status == 2);
  CHECK(said.err.starts_with("murmur: " + state + ": "));
}

TEST_CASE("local trains three peers that agree in the end") {
  const TempDir dir;
  const Said said = run_program(
      {"local", "--peers", "3", "--out", dir.path().string(), "--", "--duration", "1s"});
  INFO(said.out << said.err);
  REQUIRE(said.status == 0);
  const Json summary = apps::read_json(dir / "summary.json").value();
  REQUIRE(summary["peers"].size() == 3);
  std::set<std::string> ids;
  for (const Json& json : summary["peers"]) {
    const auto peer = apps::parse_peer_summary(json).value();
    ids.insert(peer.id);
    CHECK(peer.exchanges > 0);
    CHECK(peer.test_accuracy > 0.9);
    CHECK(json["state"] == "done");
  }
  CHECK(ids.size() == 3);
  CHECK(summary["spread"].get<double>() < 0.05);
  const Json mean = summary["mean"];
  CHECK(mean["test_accuracy"].get<double>() > 0.9);
  CHECK(fs::exists(dir / "mean.safetensors") == mean["better"].get<bool>());
  CHECK(said.out.find(fmt::format("the mean of the 3 replicas: loss {:.4f}, accuracy",
                                  mean["test_loss"].get<double>())) != std::string::npos);
  CHECK(said.out.find("staleness") != std::string::npos);
}

TEST_CASE("a late joiner whose epochs were over when it came says so") {
  const TempDir dir;
  const TempDir late;
  const pid_t founder = start_program(
      {"peer", "--settle", "0", "--linger", "0", "--out", (dir / "run").string()}, dir);
  wait_until([&] { return says(dir / "run/metrics.jsonl", R"("event":"evaluation")"); });
  const std::string address = records(dir / "run/metrics.jsonl").front()["address"];
  const Said said = wait_for(start_program({"peer", "--join", address, "--part", "1/2", "--epochs",
                                            "1", "--settle", "0", "--linger", "0"},
                                           late),
                             late);
  ::kill(founder, SIGTERM);
  CHECK(wait_for(founder, dir).status == 0);
  CHECK(said.status == 0);
  CHECK(said.out.find("less than one pass over its data") != std::string::npos);
}

TEST_CASE("a peer that is killed is shown, the others finish, and local says so") {
  const TempDir dir;
  const fs::path out = dir / "run";
  const pid_t pid = start_program({"local", "--peers", "3", "--out", out.string(), "--",
                                   "--duration", "2s", "--settle", "1s", "--linger", "1s"},
                                  dir);
  std::vector<pid_t> pids;
  wait_until([&] { return !(pids = peer_pids(out, 3)).empty(); });
  wait_until([&] {
    return read_text(out / "peer-1/metrics.jsonl").find(R"("event":"evaluation")") !=
           std::string::npos;
  });
  ::kill(pids[1], SIGKILL);
  const Said said = wait_for(pid, dir);
  CHECK(said.status == 1);
  CHECK(said.out.find("SIGKILL") != std::string::npos);
  CHECK(said.err.find("murmur: peer 1: SIGKILL") != std::string::npos);
  const Json summary = apps::read_json(out / "summary.json").value();
  CHECK(summary["peers"][0]["state"] == "done");
  // It is shown as it was when last heard of.
  const Json& killed = summary["peers"][1];
  CHECK(killed["state"] == "SIGKILL");
  CHECK(killed["id"].get<std::string>().size() == 32);
  CHECK(killed["steps"] > 0);
  CHECK(killed["test_accuracy"] > 0.1);
  const double ended_mean = (summary["peers"][0]["test_accuracy"].get<double>() +
                             summary["peers"][2]["test_accuracy"].get<double>()) /
                            2;
  CHECK(summary["accuracy_mean"].get<double>() == Approx(ended_mean));
  CHECK(summary["peers"][2]["state"] == "done");
}

TEST_CASE("a --wait-for of the peers' own wins over the one that local gives") {
  const TempDir dir;
  const Said said = run_program({"local", "--peers", "2", "--out", dir.path().string(), "--",
                                 "--wait-for", "1", "--steps", "50", "--settle", "0"});
  INFO(said.out << said.err);
  CHECK(said.status == 0);
}

TEST_CASE("peers end when local is killed") {
  // What local leaves behind becomes this process's, so that its end can be waited for.
  REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  const TempDir dir;
  const fs::path out = dir / "run";
  const pid_t pid = start_program({"local", "--peers", "2", "--out", out.string()}, dir);
  std::vector<pid_t> pids;
  wait_until([&] { return !(pids = peer_pids(out, 2)).empty(); });
  ::kill(pid, SIGKILL);
  CHECK(wait_for(pid, dir).status == 128 + SIGKILL);
  for (const pid_t peer : pids) CHECK(::waitpid(peer, nullptr, 0) == peer);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("a simulation repeats by its seed and differs by another") {
  const TempDir dir;
  const auto run = [&](const std::string& seed, const std::string& out) {
    const Said said =
        run_program({"sim", "--peers", "8", "--steps", "100", "--loss", "20%", "--delay",
                     "exp:50ms", "--seed", seed, "--out", (dir / out).string()});
    INFO(said.out << said.err);
    REQUIRE(said.status == 0);
    return apps::read_json(dir / out / "summary.json").value();
  };
  const Json first = run("1", "first");
  CHECK(run("1", "again")["trace_hash"] == first["trace_hash"]);
  CHECK(run("2", "other")["trace_hash"] != first["trace_hash"]);
  CHECK(first["peers"].size() == 8);
  CHECK(first["violations"] == 0);
  CHECK(first["checks"].get<double>() > 0);
  for (const char* key :
       {"spread", "seed", "events", "events_per_second", "exchanges_per_second"}) {
    CHECK(first[key].is_number());
  }
  CHECK(records(dir / "first/peer-7/metrics.jsonl").size() >= 2);
}

TEST_CASE("a simulation of a closed form needs no data") {
  const Said said = run_program({"sim", "--peers", "4", "--model", "quadratic:8", "--steps", "50"});
  INFO(said.err);
  CHECK(said.status == 0);
  CHECK(said.out.find("trace hash") != std::string::npos);
}

}  // namespace
}  // namespace murmur::testing
