#include "apps/background_writer.hpp"

#include <fmt/format.h>

#include <future>

#include "apps/rate.hpp"
#include "tests/catch.hpp"

namespace murmur::apps {
namespace {

std::string left_out(std::uint64_t texts) { return fmt::format("[{} left out]", texts); }

TEST_CASE("who writes does not wait for a sink that hangs, and what it left out is said") {
  std::promise<void> thaw;
  std::promise<void> frozen;
  auto written = std::make_shared<std::string>();
  BackgroundWriter writer(
      4,
      [written, hold = thaw.get_future().share(), &frozen](std::string_view text) {
        if (written->empty()) frozen.set_value();
        hold.wait();
        *written += text;
        if (*written == "a") *written += "|";
      },
      left_out);
  CHECK(writer.write("a"));
  frozen.get_future().wait();
  CHECK_FALSE(writer.idle());
  CHECK(writer.write("bb"));
  CHECK(writer.write("cc"));
  CHECK_FALSE(writer.write("d"));
  CHECK_FALSE(writer.write("e"));
  thaw.set_value();
  CHECK(writer.finish([] { return false; }));
  CHECK(*written == "a|bbcc[2 left out]");
}

TEST_CASE("what a sink never takes can be abandoned") {
  auto thaw = std::make_shared<std::promise<void>>();
  {
    BackgroundWriter writer(
        100, [hold = thaw->get_future().share()](std::string_view) { hold.wait(); }, left_out);
    writer.write("a");
    CHECK_FALSE(writer.finish([] { return true; }));
  }
  thaw->set_value();
}

TEST_CASE(
    "a status of a run of a day comes every ten seconds, and of its first minute four a second") {
  Cadence cadence(0.25, 10);
  int first_minute = 0;
  int day = 0;
  for (double t = 0; t < 86'400; t += 0.25) {
    if (!cadence.due(t)) continue;
    ++day;
    if (t < 60) ++first_minute;
  }
  CHECK(first_minute > 230);
  CHECK(day < 15'000);
}

TEST_CASE("a flood is cut to its allowance, and what was left out is counted") {
  Allowance allowance(3, 2);
  int through = 0;
  for (int i = 0; i < 100; ++i) through += allowance.take(0) ? 1 : 0;
  CHECK(through == 3);
  CHECK(allowance.take_left_out() == 97);
  CHECK_FALSE(allowance.take(1));
  CHECK(allowance.take(2));
  CHECK(allowance.take_left_out() == 1);
}

}  // namespace
}  // namespace murmur::apps
