#include "gpu/predictor.hpp"

#include "gpu/module.hpp"
#include "gpu/shared/network_predictor.hpp"

namespace murmur::gpu {

core::Result<std::unique_ptr<Predictor>> make_predictor(const PredictorSpec& spec,
                                                        const DeviceChoice& device) {
  if (device.cuda) return make_cuda_predictor(spec, device.ordinal);
  return std::make_unique<host::NetworkPredictor>(std::make_unique<host::Context>(spec.threads),
                                                  spec);
}

}  // namespace murmur::gpu
