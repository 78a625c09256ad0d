#include "apps/processor.hpp"

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

#include "tests/catch.hpp"

namespace murmur::testing {
namespace {

#ifdef __x86_64__
TEST_CASE("a program built for another processor ends in one line before it begins") {
  FILE* pipe = ::popen(MURMUR_MADE_ELSEWHERE " 2>&1", "r");
  REQUIRE(pipe != nullptr);
  std::string said;
  std::array<char, 256> buffer;
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) said += buffer.data();
  const int status = ::pclose(pipe);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 2);
  CHECK(said.find("has no avx0, which this program was built with") != std::string::npos);
  CHECK(said.find('\n') == said.size() - 1);
}
#endif

}  // namespace
}  // namespace murmur::testing
