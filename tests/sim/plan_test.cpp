// Distributions and fault plans, as people write them.
#include <fmt/format.h>

#include "sim/distribution.hpp"
#include "sim/faults.hpp"
#include "tests/catch.hpp"

namespace murmur::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("a distribution is read as it is written") {
  for (const char* text : {"50ms", "exp:50ms", "uniform:10ms:90ms", "0ns"}) {
    CAPTURE(text);
    const auto read = parse_distribution(text);
    REQUIRE(read);
    CHECK(*parse_distribution(to_string(*read)) == *read);
  }
  CHECK(parse_distribution("exp:50ms")->mean() == milliseconds(50));
  CHECK(parse_distribution("uniform:10ms:90ms")->mean() == milliseconds(50));
}

TEST_CASE("a malformed distribution is refused in one line") {
  for (const char* text :
       {"", "50", "ms", "-1ms", "exp:", "exp:x", "uniform:10ms", "uniform:9ms:1ms", "gamma:1ms"}) {
    CAPTURE(text);
    const auto read = parse_distribution(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().message.find('\n') == std::string::npos);
  }
}

TEST_CASE("draws have the mean that was asked for") {
  for (const char* text : {"50ms", "exp:50ms", "uniform:10ms:90ms"}) {
    CAPTURE(text);
    const Distribution distribution = *parse_distribution(text);
    core::Rng rng(7);
    double sum = 0;
    constexpr int kDraws = 20'000;
    for (int i = 0; i < kDraws; ++i) sum += core::seconds(distribution.draw(rng));
    CHECK(sum / kDraws == Approx(0.05).epsilon(0.05));
    CHECK(rng.count() == kDraws);  // one value a draw, whatever the kind
  }
}

TEST_CASE("faults are read as they are written") {
  for (const char* text : {"3@5s+2s", "3@5s+2s:empty", "3@5s+2s:founder", "3@5s+2s:backup",
                           "3@5s+2s:backup5", "0@100ms"})
    CHECK(to_string(*parse_crash(text)) == text);
  for (const char* text : {"10s+10s", "1s+500ms:one-way", "1s+2s:all"})
    CHECK(to_string(*parse_cut(text)) == text);
  CHECK(to_string(*parse_straggler("5:10")) == "5:10");
  CHECK(to_string(*parse_stop("3@5s")) == "3@5s");
  CHECK(to_string(*parse_divergence("0@10ms")) == "0@10ms");
  CHECK(to_string(*parse_founder("12")) == "12");
  CHECK(to_string(*parse_twin("3@5s+2s")) == "3@5s+2s");
  CHECK(parse_cut("1s+2s:halves")->shape == Cut::Shape::kHalves);
}

TEST_CASE("malformed faults are refused") {
  for (const char* text :
       {"", "3", "@5s", "3@", "3@5s+", "3@5s:empty", "3@5s:founder", "3@5s:backup",
        "3@5s+2s:backup0", "3@5s+2s:backupx", "3@5s+2s:full", "x@5s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_crash(text));
  }
  for (const char* text : {"", "10s", "10s+", "+10s", "1s+1s:thirds"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_cut(text));
  }
  for (const char* text : {"", "5", "5@", "@5s", "x@5s", "5@5"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_stop(text));
    CHECK_FALSE(parse_divergence(text));
  }
  for (const char* text : {"", "3", "3@5s", "3@5s+", "3@+2s", "x@5s+2s", "3@5s+2s:halves"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_twin(text));
  }
  for (const char* text : {"", "x", "1@2s", "-1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_founder(text));
  }
  for (const char* text : {"", "5", "5:", "5:0", "5:-1", "5:nan", "x:2", ":2"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_straggler(text));
  }
}

TEST_CASE("a plan that cannot happen is refused") {
  FaultPlan plan;
  CHECK(check_plan(plan, 4));
  plan.loss = 1.5;
  CHECK_FALSE(check_plan(plan, 4));
  plan = {};
  plan.stragglers = {{4, 2.0}};
  CHECK_FALSE(check_plan(plan, 4));
  plan = {};
  plan.crashes = {{1, seconds(5), seconds(2), true}, {1, seconds(6), seconds(1), true}};
  CHECK_FALSE(check_plan(plan, 4));
  plan.crashes[1].at = seconds(8);
  CHECK(check_plan(plan, 4));
  plan.stops = {{4, seconds(1)}};
  CHECK(check_plan(plan, 4).error().message == "stop 4@1s: there are peers 0 to 3");
  plan.stops = {};
  plan.divergences = {{4, seconds(1)}};
  CHECK(check_plan(plan, 4).error().message == "nan 4@1s: there are peers 0 to 3");
}

TEST_CASE("a twin is only of a peer that the others know") {
  FaultPlan plan;
  plan.twins = {*parse_twin("4@1s+1s")};
  CHECK(check_plan(plan, 4).error().message == "twin 4@1s+1s: there are peers 0 to 3");
  plan.twins = {*parse_twin("3@1999ms+2s")};
  CHECK(check_plan(plan, 4).error().message ==
        "twin 3@1999ms+2s: before 2s, when not all know the peer yet");
  plan.twins = {*parse_twin("3@20s+2s")};
  CHECK(check_plan(plan, 4));
  const auto refused = [&](const char* with) {
    return check_plan(plan, 4).error().message ==
           fmt::format(
               "twin 3@20s+2s: not with {}, which leaves neighbours that cannot tell the "
               "two apart",
               with);
  };
  plan.crashes = {*parse_crash("1@21s+1s")};
  CHECK(refused("crash 1@21s+1s"));
  plan.crashes = {*parse_crash("1@5s")};
  CHECK(refused("crash 1@5s"));
  plan.crashes = {*parse_crash("1@5s+1s"), *parse_crash("2@23s")};
  CHECK(check_plan(plan, 4));
  plan.cuts = {*parse_cut("12s+1s")};
  CHECK(refused("cut 12s+1s"));
  plan.cuts = {*parse_cut("1s+1s")};
  plan.stops = {*parse_stop("3@21s")};
  CHECK(refused("stop 3@21s"));
  plan.stops = {*parse_stop("2@21s")};
  CHECK(check_plan(plan, 4));
}

TEST_CASE("a plan's flags say all of it") {
  FaultPlan plan;
  plan.loss = 0.2;
  plan.duplicate = 0.1;
  plan.delay = *parse_distribution("exp:50ms");
  plan.stragglers = {{5, 10}};
  plan.crashes = {{3, seconds(5), seconds(2), true}};
  plan.cuts = {{seconds(10), seconds(10), Cut::Shape::kHalves}};
  CHECK(
      to_flags(plan) ==
      "--loss 0.2 --duplicate 0.1 --delay exp:50ms --straggler 5:10 --crash 3@5s+2s --cut 10s+10s");
}

TEST_CASE("the network is quiet when its last fault is over") {
  FaultPlan plan;
  CHECK(quiet_from(plan) == core::Duration{0});
  plan.cuts = {{seconds(10), seconds(10), Cut::Shape::kAll}};
  plan.crashes = {{0, seconds(21), seconds(3), true}};
  CHECK(quiet_from(plan) == seconds(24));
  plan.loss = 0.1;
  CHECK(quiet_from(plan) == core::Duration::max());
  plan.calm_from = seconds(30);
  CHECK(quiet_from(plan) == seconds(30));
}

}  // namespace
}  // namespace murmur::sim
