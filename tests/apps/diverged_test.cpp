// A run whose learning rate is too great: what is left of it.
#include <algorithm>

#include "tests/apps/program.hpp"
#include "tests/catch.hpp"

namespace murmur::testing {
namespace {

TEST_CASE(
    "a run that diverges ends with the step and loss, and its last finite checkpoint resumes") {
  const TempDir dir;
  const std::string state = (dir / "state").string();
  const std::string out = (dir / "out").string();
  REQUIRE(run_program({"peer", "--data", "linear", "--steps", "200", "--state", state}).status ==
          0);
  const Said diverged =
      run_program({"peer", "--data", "linear", "--lr", "10", "--steps", "3000000", "--settle", "0s",
                   "--state", state, "--save-every", "20ms", "--out", out});
  CHECK(diverged.status == 1);
  CHECK(diverged.err.rfind("murmur: diverged at step ", 0) == 0);
  CHECK(diverged.err.find(": training loss ") != std::string::npos);
  CHECK(std::count(diverged.err.begin(), diverged.err.end(), '\n') == 1);
  CHECK_FALSE(std::filesystem::exists(dir / "out" / "model.safetensors"));
  const Said resumed = run_program(
      {"peer", "--data", "linear", "--lr", "0.05", "--steps", "6000", "--state", state});
  CHECK(resumed.status == 0);
  CHECK(resumed.out.find("resumed at step ") != std::string::npos);
  CHECK(resumed.out.find("ended at step 6000: test loss 0.00") != std::string::npos);
}

}  // namespace
}  // namespace murmur::testing
