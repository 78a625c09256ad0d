#include "apps/metrics.hpp"

#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <limits>

#include "apps/summary.hpp"
#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::apps {
namespace {

using murmur::testing::read_text;
using murmur::testing::TempDir;
using murmur::testing::write_text;

TEST_CASE("a metrics file has one record a line, after what was there") {
  const TempDir dir;
  const auto path = dir / "m.jsonl";
  write_text(path, "old\n");
  auto file = MetricsFile::open(path).value();
  file.append(line_of({{"a", 1}}));
  CHECK(read_text(path) == "old\n{\"a\":1}\n");
  CHECK(MetricsFile::open(dir / "no/m.jsonl")
            .error()
            .message.starts_with((dir / "no/m.jsonl").string() + ": cannot write: "));
}

TEST_CASE("no line of a metrics file is made of two halves, and what is missing is counted") {
  const TempDir dir;
  const auto path = dir / "m.jsonl";
  write_text(path, "half");  // its writer was killed
  auto file = MetricsFile::open(path).value();
  file.append("one\n");
  CHECK(read_text(path) == "half\none\n");
  // The limit on a file's size stands for a full disk.
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{12, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  file.append("two\nthree\n");
  CHECK(read_text(path) == "half\none\n");
  ::setrlimit(RLIMIT_FSIZE, &before);
  file.append("four\n");
  CHECK(read_text(path) == "half\none\n{\"event\":\"left out\",\"records\":2}\nfour\n");
  CHECK(file.lost() == 2);
}

TEST_CASE("training loss is the mean over the steps since the last status") {
  Recorder recorder;
  CHECK_FALSE(recorder.record(0, gossip::TrainReport{1, 1, {4.0, true}}));
  CHECK_FALSE(recorder.record(0, gossip::TrainReport{4, 3, {2.0, true}}));
  CHECK(recorder.train_loss() == 2.5);
  const Json first = recorder.status(1, {}, {});
  CHECK(first["train_loss"] == 2.5);
  CHECK_FALSE(first.contains("test_loss"));
  CHECK_FALSE(recorder.status(2, {}, {}).contains("train_loss"));
}

TEST_CASE("an evaluation is a record of its own and stays in every status after it") {
  Recorder recorder;
  const auto record = recorder.record(3, gossip::EvaluationReport{7, {0.5, 0.75}});
  REQUIRE(record);
  CHECK(record->dump() ==
        R"({"event":"evaluation","t":3.0,"step":7,"test_loss":0.5,"test_accuracy":0.75})");
  CHECK(recorder.status(4, {}, {})["test_accuracy"] == 0.75);
}

TEST_CASE("a peer's summary reads back, NaN as null") {
  PeerSummary peer{"7f3a", 10, std::numeric_limits<double>::quiet_NaN(), 0.5, 3, 1.5, 2.25};
  const Json json = Json::parse(to_json(peer).dump());
  CHECK(json["test_accuracy"].is_null());
  const PeerSummary back = parse_peer_summary(json).value();
  CHECK(back.id == "7f3a");
  CHECK(back.steps == 10);
  CHECK(std::isnan(back.test_accuracy));
  CHECK(back.seconds == 2.25);
  CHECK_FALSE(parse_peer_summary(Json::object()));
}

TEST_CASE("every reason of a rejection has a key") {
  gossip::Counters counters;
  counters.rejected[3] = 5;
  const Json json = rejected_json(counters);
  CHECK(json.size() == gossip::kRejectCount);
  CHECK(json[std::string(gossip::to_string(gossip::Reject{3}))] == 5);
}

}  // namespace
}  // namespace murmur::apps
