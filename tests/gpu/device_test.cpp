#include "gpu/device.hpp"

#include <fstream>
#include <string>

#include "../catch.hpp"
#include "gpu/module.hpp"

namespace murmur::gpu {
namespace {

/// Is `library` mapped into this process?
bool loaded(const std::string& library) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(library) != std::string::npos) return true;
  }
  return false;
}

TEST_CASE("cpu is always there", "[device]") {
  const auto choice = choose_device("cpu");
  REQUIRE(choice.has_value());
  REQUIRE_FALSE(choice->cuda);
  REQUIRE(to_string(*choice) == "cpu");
}

TEST_CASE("auto never fails, and is a GPU only where there is one", "[device]") {
  const auto choice = choose_device("auto");
  REQUIRE(choice.has_value());
  REQUIRE(choice->cuda == (find_cuda_module().has_value() && count_cuda_devices().has_value()));
}

TEST_CASE("choosing a device loads neither the CUDA module nor cuBLAS", "[device]") {
  (void)choose_device("auto");
  (void)choose_device("cuda");
  REQUIRE_FALSE(loaded("libmurmur_cuda"));
  REQUIRE_FALSE(loaded("libcublas"));
}

TEST_CASE("a CUDA module of another build is not used", "[device]") {
  const auto opened = open_cuda_module(MURMUR_FOREIGN_MODULE);
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().message.find("is of another build than this program") != std::string::npos);
  CHECK_FALSE(open_cuda_module("/nonexistent.so").has_value());
}

TEST_CASE("a CUDA device that is not there is one clear line", "[device]") {
  const auto choice = choose_device("cuda:7777");
  REQUIRE_FALSE(choice.has_value());
  REQUIRE(choice.error().message.find("cuda:7777") != std::string::npos);
  REQUIRE(choice.error().message.find('\n') == std::string::npos);
}

TEST_CASE("what is no device's name is refused with the names there are", "[device]") {
  for (const char* text :
       {"", "gpu", "CUDA", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda:99999999999"}) {
    CAPTURE(text);
    const auto choice = choose_device(text);
    REQUIRE_FALSE(choice.has_value());
    REQUIRE(choice.error().message.find("cuda:N") != std::string::npos);
  }
}

// Last: what it opens stays.
TEST_CASE("the CUDA module of this build is, where there is one", "[device]") {
  const auto path = find_cuda_module();
  if (path) CHECK(open_cuda_module(*path).has_value());
}

}  // namespace
}  // namespace murmur::gpu
