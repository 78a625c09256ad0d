// The CUDA side is a module, libmurmur_cuda.so, opened only when a GPU is wanted: linking cuBLAS
// would cost every CPU peer 64 ms and 155 MB at its start.
//
// Thread rule: any thread.
#pragma once

#include <memory>
#include <string>

#include "core/replica.hpp"
#include "core/result.hpp"

namespace murmur::gpu {

class Predictor;       // gpu/predictor.hpp
struct PredictorSpec;  // likewise
struct ReplicaSpec;    // gpu/replica_spec.hpp

/// The module's path: beside the program, or in ../lib/murmur of an installed one.
core::Result<std::string> find_cuda_module();

/// Opens the module (once a process) and makes a replica on CUDA device `ordinal`.
core::Result<std::unique_ptr<core::Replica>> make_cuda_replica(const ReplicaSpec& spec,
                                                               int ordinal);
/// Likewise a predictor.
core::Result<std::unique_ptr<Predictor>> make_cuda_predictor(const PredictorSpec& spec,
                                                             int ordinal);

/// What the module exports, as `murmur_cuda_make_replica` and `murmur_cuda_make_predictor`; and, as
/// `murmur_cuda_interface`, a text that names the types which the two have in common.
struct CudaModule {
  void (*make_replica)(const ReplicaSpec& spec, int ordinal,
                       core::Result<std::unique_ptr<core::Replica>>& out);
  void (*make_predictor)(const PredictorSpec& spec, int ordinal,
                         core::Result<std::unique_ptr<Predictor>>& out);
};

/// Opens the module at `path` for good. Error: it cannot be, is no such module, or has other types
/// than this program, being of another build.
core::Result<CudaModule> open_cuda_module(const std::string& path);

}  // namespace murmur::gpu
