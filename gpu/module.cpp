#include "gpu/module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <system_error>

#include "gpu/interface_hash.hpp"  // made by the build

namespace murmur::gpu {
namespace {

constexpr const char* kFileName = "libmurmur_cuda.so";

core::Result<MakeCudaReplica*> find_and_open() {
  const core::Result<std::string> path = find_cuda_module();
  if (!path) return tl::make_unexpected(path.error());
  return open_cuda_module(*path);
}

}  // namespace

core::Result<std::string> find_cuda_module() {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& candidate :
       {folder / kFileName, folder / ".." / "lib" / "murmur" / kFileName}) {
    if (fs::exists(candidate, error)) return candidate.string();
  }
  return core::fail("this build has no CUDA module (libmurmur_cuda.so)");
}

core::Result<MakeCudaReplica*> open_cuda_module(const std::string& path) {
  // Never closed: the CUDA runtime does not support being unloaded.
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) return core::fail(fmt::format("CUDA module: {}", dlerror()));
  const auto* interface = static_cast<const char*>(dlsym(module, "murmur_cuda_interface"));
  auto* make = reinterpret_cast<MakeCudaReplica*>(dlsym(module, "murmur_cuda_make_replica"));
  if (make == nullptr) return core::fail(fmt::format("{}: not murmur's CUDA module", path));
  if (interface == nullptr || std::strcmp(interface, MURMUR_INTERFACE) != 0) {
    return core::fail(
        fmt::format("{} is of another build than this program: build both, or remove it", path));
  }
  return make;
}

core::Result<std::unique_ptr<core::Replica>> make_cuda_replica(const ReplicaSpec& spec,
                                                               int ordinal) {
  static const core::Result<MakeCudaReplica*> make = find_and_open();
  if (!make) return tl::make_unexpected(make.error());
  core::Result<std::unique_ptr<core::Replica>> replica;
  (*make)(spec, ordinal, replica);
  return replica;
}

}  // namespace murmur::gpu
