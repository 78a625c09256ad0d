#include "gpu/module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <system_error>

#include "gpu/interface_hash.hpp"  // made by the build
#include "gpu/predictor.hpp"

namespace murmur::gpu {
namespace {

constexpr const char* kFileName = "libmurmur_cuda.so";

const core::Result<CudaModule>& cuda_module() {
  static const core::Result<CudaModule> module = find_cuda_module().and_then(open_cuda_module);
  return module;
}

/// Of a function that the module exports, its address as `function`.
template <class F>
void find(void* module, const char* name, F*& function) {
  function = reinterpret_cast<F*>(dlsym(module, name));
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

core::Result<CudaModule> open_cuda_module(const std::string& path) {
  // Never closed: the CUDA runtime does not support being unloaded.
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) return core::fail(fmt::format("CUDA module: {}", dlerror()));
  CudaModule found{};
  find(module, "murmur_cuda_make_replica", found.make_replica);
  find(module, "murmur_cuda_make_predictor", found.make_predictor);
  const auto* interface = static_cast<const char*>(dlsym(module, "murmur_cuda_interface"));
  if (found.make_replica == nullptr) {
    return core::fail(fmt::format("{}: not murmur's CUDA module", path));
  }
  if (found.make_predictor == nullptr || interface == nullptr ||
      std::strcmp(interface, MURMUR_INTERFACE) != 0) {
    return core::fail(
        fmt::format("{} is of another build than this program: build both, or remove it", path));
  }
  return found;
}

core::Result<std::unique_ptr<core::Replica>> make_cuda_replica(const ReplicaSpec& spec,
                                                               int ordinal) {
  if (!cuda_module()) return tl::make_unexpected(cuda_module().error());
  core::Result<std::unique_ptr<core::Replica>> replica;
  cuda_module()->make_replica(spec, ordinal, replica);
  return replica;
}

core::Result<std::unique_ptr<Predictor>> make_cuda_predictor(const PredictorSpec& spec,
                                                             int ordinal) {
  if (!cuda_module()) return tl::make_unexpected(cuda_module().error());
  core::Result<std::unique_ptr<Predictor>> predictor;
  cuda_module()->make_predictor(spec, ordinal, predictor);
  return predictor;
}

}  // namespace murmur::gpu
