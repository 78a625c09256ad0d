#include "apps/tail.hpp"

#include <cmath>
#include <fstream>

#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::apps {
namespace {

using murmur::testing::TempDir;
using murmur::testing::write_text;

void append(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::app) << text;
}

struct Followed {
  TempDir dir;
  std::filesystem::path path = dir / "metrics.jsonl";
  Tail tail{path, 42};
};

const std::string kStart =
    R"({"event":"start","t":0.5,"id":"7f3a","address":"127.0.0.1:7000","pid":42})"
    "\n";

TEST_CASE_METHOD(Followed, "a file that is not there yet shows nothing") {
  tail.poll();
  CHECK(tail.progress().id.empty());
  CHECK(std::isnan(tail.progress().test_accuracy));
}

TEST_CASE_METHOD(Followed, "a status fills the row, also when its line comes in two pieces") {
  write_text(path, kStart + R"({"event":"status","t":1.5,"phase":"training","st)");
  tail.poll();
  CHECK(tail.progress().address == "127.0.0.1:7000");
  CHECK(tail.progress().step == 0);
  append(path, R"(ep":9,"train_loss":0.5,"test_accuracy":0.9,"exchanges":3,"staleness_mean":2.5,)"
               R"("spread":null,"bytes_sent":1000,"bytes_received":500})"
               "\n");
  tail.poll();
  const PeerProgress& p = tail.progress();
  CHECK(p.phase == "training");
  CHECK(p.step == 9);
  CHECK(p.train_loss == 0.5);
  CHECK(p.test_accuracy == 0.9);
  CHECK(p.exchanges == 3);
  CHECK(p.staleness_mean == 2.5);
  CHECK(std::isnan(p.spread));
  CHECK(p.kilobytes_per_second == Approx(1.5));
}

TEST_CASE_METHOD(Followed, "an earlier run's records are passed over") {
  write_text(path, R"({"event":"start","t":0,"id":"old","pid":41})"
                   "\n"
                   R"({"event":"status","t":1,"phase":"done","step":7})"
                   "\n");
  tail.poll();
  CHECK(tail.progress().step == 0);
  append(path, kStart);
  tail.poll();
  CHECK(tail.progress().id == "7f3a");
}

TEST_CASE_METHOD(Followed, "a file that begins anew is read from its beginning") {
  write_text(path, std::string(1000, 'x') + "\n");
  tail.poll();
  write_text(path, kStart);
  tail.poll();
  CHECK(tail.progress().id == "7f3a");
}

TEST_CASE_METHOD(Followed, "lines that are no records are passed over") {
  write_text(path, "rubbish\n[]\n" + kStart + "{\n");
  tail.poll();
  CHECK(tail.progress().id == "7f3a");
}

}  // namespace
}  // namespace murmur::apps
